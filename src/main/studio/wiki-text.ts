import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Place } from './folders.ts'

/** WikiText-2 raw as its archive unpacks: one file for each part. */
const TRAINING_PART = 'wiki.train.raw'
const FOLDERS = ['wikitext-2-raw', 'wikitext-2-raw-v1', 'wikitext-2', '']
const WITHIN = ['', 'datasets', 'Downloads', 'texts']

/** Where the person has WikiText-2 raw, looked for under its usual names in the places that the studio shows. */
export function findWikiText(places: readonly Place[]): string | undefined {
  return places
    .flatMap(({ path }) => WITHIN.flatMap((within) => FOLDERS.map((name) => join(path, within, name, TRAINING_PART))))
    .find((path) => existsSync(path))
}

/** The training part of a folder of WikiText-2, whose other parts are for measuring; every other path as it is. */
export function trainingPart(path: string): string {
  const training = join(path, TRAINING_PART)
  return basename(path) !== TRAINING_PART && existsSync(training) ? training : path
}
