import { expect, it } from 'vitest'
import { deviceText } from './doctor.ts'

it('says what a device is, and why it cannot be used', () => {
  const gpu = { id: 'cuda:0', name: 'NVIDIA H100', memoryBytes: 80 * 1024 ** 3, available: true }
  expect(deviceText({ ...gpu, computeCapability: '9.0', driver: '13.0' })).toBe(
    'NVIDIA H100, 80.0 GiB, compute capability 9.0, driver for CUDA 13.0',
  )
  const none = { id: 'cuda:0', name: 'CUDA', memoryBytes: 0, available: false }
  expect(deviceText({ ...none, reason: 'No CUDA device: the driver knows none.' })).toBe(
    'No CUDA device: the driver knows none.',
  )
  expect(deviceText(none)).toBe('CUDA: not available')
})
