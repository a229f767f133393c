import { expect, it } from 'vitest'
import { makeApi, type Handlers } from './api.ts'

const handlers = {
  'job.list': ({ projectId }) => ({ jobs: [], projectId }),
} as Partial<Handlers> as Handlers
const api = makeApi(handlers, () => () => undefined)

it('carries a request to its use case', async () => {
  expect(await api.call('job.list', { projectId: 1 })).toEqual({ jobs: [], projectId: 1 })
})

it.each([
  ['no such request', 'project.explode', {}],
  ['a name that every object has', 'constructor', {}],
  ['parameters that are missing', 'project.get', undefined],
  ['parameters of another type', 'project.get', { projectId: '1' }],
  ['a number out of range', 'project.get', { projectId: 0 }],
])('refuses %s', async (_case, method, params) => {
  await expect(api.call(method, params)).rejects.toMatchObject({ code: 'invalid-request' })
})
