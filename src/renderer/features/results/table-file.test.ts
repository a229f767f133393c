import { expect, it } from 'vitest'
import { toCsv } from '../../../shared/export/table-text.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { fileName } from '../../ui/download.ts'
import type { Comparison } from './comparison.ts'
import { tableRecords } from './table-file.ts'

const checkpoint = {
  bitsPerWeight: 16,
  sizeBytes: 900,
  path: '/models/a, "b"',
  fingerprint: 'f',
} as Project['checkpoint']
const stamp = {
  key: 'k',
  textName: '=SUM(A1).txt',
  textHash: 'h',
  windows: 2,
  windowLength: 512,
  tokens: 1022,
  bos: 'none',
  precision: 'fp32',
} as const
const recipe = { method: 'rtn', bits: 3, sparsity: 0, outliers: 'paper', solver: 'exact', weighting: 'none' } as const
const result = {
  id: 1,
  recipe,
  bitsPerWeight: 3.1,
  sizeBytes: 300,
  createdAtMs: 0,
  path: '/r',
  fingerprint: 'g',
  found: true,
}
const evaluation = { id: 1, diverged: false, perplexity: 10, klMean: 0.5, stamp, createdAtMs: 0 }
const comparison: Comparison = { stamp, before: 8, rows: [{ result, evaluation }, { result: { ...result, id: 2 } }] }

const speeds = { setup: 'two threads', of: (id: number | undefined) => (id === 1 ? 123.4 : undefined) }

it('writes one line a model with every number in full', () => {
  const records = tableRecords({ name: 'p', checkpoint }, comparison, speeds)
  expect(records).toMatchObject([
    { model: 'checkpoint', perplexity: 8, sizeBytes: 900 },
    { model: 'rtn', perplexity: 10, perplexityChange: 0.25, klMean: 0.5, top1Agreement: null, tokensPerSecond: 123.4 },
    { model: 'rtn', perplexity: null, perplexityChange: null },
  ])
  const [head = '', first = '', second = '', third, end] = toCsv(records).split('\r\n')
  expect(head).toMatch(/^project,model,bits,sparsity,.*,stamp,tokensPerSecond,speedSetup,madeAt,path,fingerprint$/)
  expect(first).toBe(
    `p,checkpoint,,,,,,,,,,,16,900,8,,,,,'=SUM(A1).txt,h,2,512,1022,none,fp32,k,,two threads,,"/models/a, ""b""",f`,
  )
  expect(second).toContain('p,rtn,3,0,paper,exact,none,0,1,16,16,0,3.1,300,10,0.25,0.5,,false,')
  expect(third).toBeDefined()
  expect(end).toBe('')
})

it('names files so that every file system takes them', () => {
  expect(fileName('../a b/ü: results.csv')).toBe('a-b-results.csv')
  expect(fileName('..')).toBe('squeeze')
})
