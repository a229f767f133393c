import { useSyncExternalStore } from 'react'
import { PROJECT_SECTIONS, projectPlace, resultPlace, type ProjectSection } from '../shared/contract/studio/place.ts'

/** Where a person is. The fragment of the address says it, so that it works the same under app:// and http://. */
export type Route =
  | { page: 'home' }
  | { page: 'settings' }
  | { page: 'project'; projectId: number; section: ProjectSection }
  | { page: 'result'; projectId: number; resultId: number }
  | { page: 'compare'; projectId: number; sides: [Side, Side] }
  | { page: 'matrix'; projectId: number; calibrationId: number; tensor: string; channel?: number }
  | { page: 'unknown'; address: string }

/** One of two models that are compared: a result by its number, or what all results are made from. */
export type Side = number | 'checkpoint'

export function parseRoute(fragment: string): Route {
  const address = fragment.replace(/^#/, '')
  if (address === '' || address === '/') return { page: 'home' }
  if (address === '/settings') return { page: 'settings' }
  const project = /^\/projects\/([1-9]\d{0,14})(?:\/([a-z]+))?$/.exec(address)
  const section = PROJECT_SECTIONS.find((name) => name === (project?.[2] ?? 'overview'))
  if (project && section) return { page: 'project', projectId: Number(project[1]), section }
  const result = /^\/projects\/([1-9]\d{0,14})\/results\/([1-9]\d{0,14})$/.exec(address)
  if (result) return { page: 'result', projectId: Number(result[1]), resultId: Number(result[2]) }
  const pair = /^\/projects\/([1-9]\d{0,14})\/compare\/([1-9]\d{0,14}|checkpoint)\/([1-9]\d{0,14})$/.exec(address)
  if (pair) return { page: 'compare', projectId: Number(pair[1]), sides: [side(pair[2]), side(pair[3])] }
  return parseMatrix(address) ?? { page: 'unknown', address }
}

function parseMatrix(address: string): Route | undefined {
  const found = /^\/projects\/([1-9]\d{0,14})\/matrices\/([1-9]\d{0,14})\/([^/]+)(?:\/(0|[1-9]\d{0,14}))?$/.exec(
    address,
  )
  if (!found) return undefined
  const [, project, calibration, name = '', channel] = found
  const numbers = { projectId: Number(project), calibrationId: Number(calibration) }
  try {
    const tensor = decodeURIComponent(name)
    return { page: 'matrix', ...numbers, tensor, ...(channel === undefined ? {} : { channel: Number(channel) }) }
  } catch {
    return undefined // a percent sign that begins no character
  }
}

function side(text?: string): Side {
  return text === 'checkpoint' ? 'checkpoint' : Number(text)
}

export const homeAddress = '#/'
export const settingsAddress = '#/settings'

export const projectAddress = projectPlace
export const resultAddress = resultPlace

/** The checkpoint, where it is one of them, stands first. */
export function compareAddress(projectId: number, [a, b]: readonly [Side, Side]): string {
  const [first, second] = b === 'checkpoint' ? [b, a] : [a, b]
  return `#/projects/${projectId}/compare/${first}/${second}`
}

export type MatrixPlace = { projectId: number; calibrationId: number; tensor: string }

/** A matrix as a calibration sees it, and one of its output channels. */
export function matrixAddress({ projectId, calibrationId, tensor }: MatrixPlace, channel?: number): string {
  const place = `#/projects/${projectId}/matrices/${calibrationId}/${encodeURIComponent(tensor)}`
  return channel === undefined ? place : `${place}/${channel}`
}

/** Routes that are alike in this show one page that stays, with what it holds, while a person walks within it. */
export function pageKey(route: Route): string {
  return JSON.stringify(route.page === 'matrix' ? [route.page, route.projectId, route.calibrationId] : route)
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed)
  return () => window.removeEventListener('hashchange', changed)
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => window.location.hash))
}
