import { expect, it } from 'vitest'
import { makeApi, type Handlers } from './api.ts'

const handlers = { 'project.remove': ({ projectId }) => ({ found: projectId === 1 }) } as Partial<Handlers> as Handlers
const api = makeApi(handlers, () => () => undefined)

it('carries a request to its use case', async () => {
  expect(await api.call('project.remove', { projectId: 1 })).toEqual({ found: true })
})

it.each([
  ['no such request', 'project.explode', {}],
  ['a name that every object has', 'constructor', {}],
  ['parameters that are missing', 'project.remove', undefined],
  ['parameters of another type', 'project.remove', { projectId: '1' }],
  ['a number out of range', 'project.remove', { projectId: 0 }],
])('refuses %s', async (_case, method, params) => {
  await expect(api.call(method, params)).rejects.toMatchObject({ code: 'invalid-request' })
})
