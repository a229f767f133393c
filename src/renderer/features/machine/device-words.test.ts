import { expect, it } from 'vitest'
import { deviceWords } from './device-words.ts'

/** Units are kept to their numbers by a space that does not break. */
const plain = (text: string) => text.replaceAll('\u00A0', ' ')

it('says what a GPU is, and why there is none', () => {
  const gpu = { id: 'cuda:0', name: 'NVIDIA H100 80GB HBM3', memoryBytes: 85_000_000_000, available: true }
  expect(plain(deviceWords(gpu))).toBe('NVIDIA H100 80GB HBM3, 85.0 GB')
  expect(plain(deviceWords({ ...gpu, computeCapability: '9.0', driver: '13.0' }))).toBe(
    'NVIDIA H100 80GB HBM3, 85.0 GB, compute capability 9.0, driver for CUDA 13.0',
  )
  const none = { id: 'cuda:0', name: 'CUDA', memoryBytes: 0, available: false }
  expect(deviceWords({ ...none, reason: 'This sidecar was built without CUDA.' })).toBe(
    'This sidecar was built without CUDA.',
  )
  expect(deviceWords(none)).toBe('not available')
})
