import { expect, it } from 'vitest'
import { parseRoute, projectAddress } from './route.ts'

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
})
