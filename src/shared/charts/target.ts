import type { Place } from './scene.ts'

/** A place of a chart that says something when it is pointed at, and may do something when it is chosen. */
export type Target<T> = Place & {
  id: string
  /** Heads what is said. */
  title: string
  lines: readonly string[]
  /** Those of one series stand in a row for the keyboard. */
  series: string
  value: T
}
