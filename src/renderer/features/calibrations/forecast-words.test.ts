import { expect, it } from 'vitest'
import type { CalibrationForecast } from '../../../shared/contract/studio/index.ts'
import { forecastFacts } from './forecast-words.ts'

const forecast: CalibrationForecast = {
  plan: {
    memoryBytes: 1.2e9,
    activationBytes: 8e8,
    activationsOnDisk: false,
    mappedBytes: 5e7,
    freeMemoryBytes: 14e9,
    diskBytes: 3e8,
    resultBytes: 1e8,
    freeDiskBytes: 9e10,
    durationMs: 42_000,
    problems: [],
  },
  device: 'cpu',
  memoryLimitBytes: 0,
  samples: 100,
  length: 512,
  text: { name: 'a.txt', path: '/a.txt', tokens: 131_072, exact: true, samples: 256 },
}
const words = (over: Partial<CalibrationForecast> = {}) =>
  Object.fromEntries(
    forecastFacts({ ...forecast, ...over }).map(({ name, value }) => [name, value.replaceAll('\u00a0', ' ')]),
  )

it('says what the text gives and what it costs', () => {
  expect(words()).toEqual({
    Text: 'a.txt, 131,072 tokens',
    Samples: '100 of 256, 512 tokens each',
    Memory: 'about 1.20 GB, 800 MB of activations in it; 14.0 GB free',
    Disk: 'at most 300 MB, 100 MB in the end; 90.0 GB free',
    Time: expect.stringMatching(/^about 42.* s on cpu$/),
  })
})

it('says where activations go, what limits them, and what only a run tells', () => {
  const { durationMs: _, ...plan } = { ...forecast.plan, activationsOnDisk: true, gpuMemoryBytes: 2e9 }
  const found = words({ plan, device: 'cuda:0', memoryLimitBytes: 5e8 })
  expect(found.Memory).toBe('about 1.20 GB, 800 MB of activations on the disk; 14.0 GB free, limited to 500 MB')
  expect(found['GPU memory']).toBe('about 2.00 GB of cuda:0')
  expect(found.Time).toBe('not known before it runs on cuda:0')
})

it('says when a count was reckoned, and when the text holds no more', () => {
  const text = { ...forecast.text, exact: false, samples: 100 }
  expect(words({ text })).toMatchObject({ Text: 'a.txt, about 131,072 tokens', Samples: '100, 512 tokens each' })
})
