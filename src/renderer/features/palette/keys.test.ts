import { expect, it } from 'vitest'
import { isPlain, keyCaps } from './keys.ts'

it('shows keys as they stand on the keyboard at hand', () => {
  expect(keyCaps('mod+K', false)).toEqual(['Ctrl', 'K'])
  expect(keyCaps('mod+K', true)).toEqual(['⌘', 'K'])
  expect(keyCaps('alt+shift+S', true)).toEqual(['⌥', '⇧', 'S'])
  expect(keyCaps('shift+?', false)).toEqual(['?'])
})

it('knows which keys are text where text is written', () => {
  expect(['shift+?', 'mod+K', 'alt+shift+H'].map(isPlain)).toEqual([true, false, false])
})
