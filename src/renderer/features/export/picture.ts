import { svgText, type Scene } from '../../../shared/charts/scene.ts'

/** Pixels of the picture for each of the page. */
const DENSITY = 2

/** A drawing as a picture that stands alone, in the colours in which the page shows it, on the ground it lies on. */
export function svgPicture(scene: Scene): string {
  const styles = getComputedStyle(document.documentElement)
  const known = new Proxy<Record<string, string>>(
    {},
    { get: (_, name) => styles.getPropertyValue(String(name)).trim() },
  )
  return svgText(scene, { colours: known, ground: styles.getPropertyValue('--panel').trim() })
}

export async function pngPicture(scene: Scene): Promise<Blob> {
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgPicture(scene))}`
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(scene.width * DENSITY)
  canvas.height = Math.round(scene.height * DENSITY)
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be drawn.'))), 'image/png')
  })
}
