import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folderWith } from '../../../test/fixtures/folders.ts'
import { findWikiText, trainingPart } from './wiki-text.ts'

const parts = (folder: string) => ({
  [`${folder}wiki.train.raw`]: ' = A title = \n',
  [`${folder}wiki.test.raw`]: ' = Another = \n',
})

it('finds it under its usual names, in the first place that has it', () => {
  const [bare, home, other] = [
    folderWith({ 'a.txt': 'no' }),
    folderWith(parts('Downloads/wikitext-2-raw/')),
    folderWith(parts('wikitext-2/')),
  ]
  const places = [bare, home, other].map((path) => ({ name: path, path }))
  expect(findWikiText(places)).toBe(join(home, 'Downloads/wikitext-2-raw/wiki.train.raw'))
  expect(findWikiText(places.slice(2))).toBe(join(other, 'wikitext-2/wiki.train.raw'))
  expect(findWikiText(places.slice(0, 1))).toBeUndefined()
})

it('takes the training part of its folder, and no other folder apart', () => {
  const folder = folderWith(parts(''))
  expect(trainingPart(folder)).toBe(join(folder, 'wiki.train.raw'))
  expect(trainingPart(join(folder, 'wiki.test.raw'))).toBe(join(folder, 'wiki.test.raw'))
  const texts = folderWith({ 'a.txt': 'one' })
  expect(trainingPart(texts)).toBe(texts)
})
