import { expect, it } from 'vitest'
import { compareAddress, matrixAddress, pageKey, parseRoute, projectAddress, resultAddress } from './route.ts'

it('reads the place from the fragment', () => {
  expect(parseRoute('')).toEqual({ page: 'home' })
  expect(parseRoute('#/')).toEqual({ page: 'home' })
  expect(parseRoute(projectAddress(12))).toEqual({ page: 'project', projectId: 12, section: 'overview' })
  expect(parseRoute(projectAddress(12, 'sensitivity'))).toEqual({
    page: 'project',
    projectId: 12,
    section: 'sensitivity',
  })
  expect(parseRoute('#/settings')).toEqual({ page: 'settings' })
  expect(parseRoute('#/settings/x')).toEqual({ page: 'unknown', address: '/settings/x' })
  expect(parseRoute('#/projects/0')).toEqual({ page: 'unknown', address: '/projects/0' })
  expect(parseRoute('#/projects/1/x')).toMatchObject({ page: 'unknown' })
  expect(parseRoute(resultAddress(3, 7))).toEqual({ page: 'result', projectId: 3, resultId: 7 })
  expect(parseRoute('#/projects/3/results/0')).toMatchObject({ page: 'unknown' })
  expect(parseRoute('#/projects/3/results/7/../8')).toMatchObject({ page: 'unknown' })
  expect(parseRoute(compareAddress(3, [7, 9]))).toEqual({ page: 'compare', projectId: 3, sides: [7, 9] })
  expect(parseRoute(compareAddress(3, [7, 'checkpoint']))).toEqual({
    page: 'compare',
    projectId: 3,
    sides: ['checkpoint', 7],
  })
  expect(parseRoute('#/projects/3/compare/7/checkpoint')).toMatchObject({ page: 'unknown' })
})

it('names a matrix and one of its channels, and stays on one page for all of them', () => {
  const place = { projectId: 3, calibrationId: 2, tensor: 'model.layers.0.mlp/odd name.weight' }
  expect(parseRoute(matrixAddress(place))).toEqual({ page: 'matrix', ...place })
  expect(parseRoute(matrixAddress(place, 0))).toEqual({ page: 'matrix', ...place, channel: 0 })
  expect(parseRoute('#/projects/3/matrices/2/a.weight/01')).toMatchObject({ page: 'unknown' })
  expect(parseRoute('#/projects/3/matrices/2/%')).toMatchObject({ page: 'unknown' })
  const other = { ...place, tensor: 'another.weight' }
  const keyOf = (address: string) => pageKey(parseRoute(address))
  expect(keyOf(matrixAddress(other))).toBe(keyOf(matrixAddress(place, 7)))
  expect(keyOf(matrixAddress({ ...place, calibrationId: 1 }))).not.toBe(keyOf(matrixAddress(place)))
  expect(keyOf(projectAddress(1))).not.toBe(keyOf(projectAddress(2)))
})
