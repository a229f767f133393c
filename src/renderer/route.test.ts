import { expect, it } from 'vitest'
import { compareAddress, parseRoute, projectAddress, resultAddress } from './route.ts'

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
