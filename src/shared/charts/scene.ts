/**
 * A drawing as values. The page makes elements of it, a report or a file a text, so that all three show the same.
 * Attributes have the names that React gives them; colours may be variables of the style sheet.
 */
export type Shape = {
  tag: 'g' | 'path' | 'line' | 'circle' | 'rect' | 'text' | 'title' | 'clipPath'
  at?: Record<string, string | number | undefined>
  children?: readonly (Shape | undefined)[]
  text?: string
}

export type Scene = {
  width: number
  height: number
  /** What it shows, for those who do not see it. */
  label: string
  shapes: readonly (Shape | undefined)[]
}

export const FONT = "'Inter Variable', Inter, system-ui, sans-serif"

export function group(children: readonly (Shape | undefined)[], at: Shape['at'] = {}): Shape {
  return { tag: 'g', at, children }
}

export function words(text: string, x: number, y: number, at: Shape['at'] = {}): Shape {
  return { tag: 'text', at: { x, y, dominantBaseline: 'central', ...at }, text }
}

export type Place = { x: number; y: number }

/** A line through the places, or nothing where they are too few for one. */
export function polyline(places: readonly Place[], at: Shape['at']): Shape | undefined {
  return places.length < 2 ? undefined : { tag: 'path', at: { d: pathOf(places), fill: 'none', ...at } }
}

/** "M0 1L2 3", in tenths of a pixel. */
export function pathOf(places: readonly Place[]): string {
  return places.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${tenths(x)} ${tenths(y)}`).join('')
}

const tenths = (value: number) => Math.round(value * 10) / 10

/** For texts and attributes of XML and HTML alike. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

type TextOptions = {
  /** Takes the place of the variables; without it they stay, for the style sheet around to say. */
  colours?: Readonly<Record<string, string>> | undefined
  /** Colour of the ground; without it there is none. */
  ground?: string | undefined
}

/** The drawing as an SVG that stands alone, or inside a page. */
export function svgText({ width, height, label, shapes }: Scene, { colours, ground }: TextOptions = {}): string {
  const base: Shape = { tag: 'rect', at: { width, height, fill: ground } }
  const inner = [ground === undefined ? undefined : base, ...shapes].map(shapeText).join('')
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escaped(label)}" font-family="${escaped(FONT)}" font-size="12">${inner}</svg>`
  return colours ? text.replaceAll(/var\((--[\w-]+)\)/g, (whole, name: string) => colours[name] ?? whole) : text
}

function shapeText(shape: Shape | undefined): string {
  if (!shape) return ''
  const { tag, at = {}, children = [], text = '' } = shape
  const attributes = Object.entries(at)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${attributeName(name)}="${escaped(String(value))}"`)
    .join('')
  return `<${tag}${attributes}>${escaped(text)}${children.map(shapeText).join('')}</${tag}>`
}

/** strokeWidth → stroke-width */
function attributeName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
