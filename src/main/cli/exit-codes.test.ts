import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { errorCode } from '../../shared/contract/errors.ts'
import { exitCodeOf } from './exit-codes.ts'

it('every error code has the exit status that the documentation says', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8')
  const [, list = ''] = /Error codes and their exit status: ([^]*?)\.\n/.exec(text) ?? []
  const documented = new Map<string, number>()
  for (const part of list.split(';')) {
    const status = Number(/(\d)\s*$/.exec(part)?.[1])
    for (const [, code = ''] of part.matchAll(/`([a-z-]+)`/g)) documented.set(code, status)
  }
  expect(documented).toEqual(new Map(errorCode.options.map((code) => [code, exitCodeOf(code)])))
})
