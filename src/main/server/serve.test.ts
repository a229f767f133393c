import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { request } from 'node:http'
import { connect as connectTo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { fail } from '../../shared/contract/studio-error.ts'
import type { StudioNotice } from '../../shared/contract/studio/index.ts'
import type { StudioApi } from '../studio/api.ts'
import { serve, type RunningServer } from './serve.ts'

const folder = mkdtempSync(join(tmpdir(), 'squeeze-serve-'))
let listener: ((notice: StudioNotice) => void) | undefined
const api: StudioApi = {
  call: async (method, params) => {
    if (method === 'project.get') throw fail('not-found', 'There is no project 9.')
    return { method, params }
  },
  subscribe: (tell) => {
    listener = tell
    return () => (listener = undefined)
  },
}

let server: RunningServer
let cookie: string

beforeAll(async () => {
  mkdirSync(join(folder, 'page', 'assets'), { recursive: true })
  writeFileSync(join(folder, 'page', 'index.html'), '<p>page</p>')
  writeFileSync(join(folder, 'page', 'assets', 'a.js'), 'let a')
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  server = await serve({ api, host: '127.0.0.1', port: 0, pageRoot: join(folder, 'page') })
  const exchanged = await get(new URL(server.url).pathname + new URL(server.url).search)
  cookie = String(exchanged.headers['set-cookie']).split(';')[0] ?? ''
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

type Answer = { status: number; headers: Record<string, unknown>; body: string }

/** A request as it stands: fetch would tidy the path and set its own Host. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: server.port, path, method, headers }, (incoming) => {
      let body = ''
      incoming.on('data', (data: Buffer) => (body += data.toString()))
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

describe('the token', () => {
  it('is exchanged for a cookie that scripts and other sites cannot use, and leaves the address', async () => {
    const { status, headers } = await get(`/?a=1&token=${new URL(server.url).searchParams.get('token')}`)
    expect(status).toBe(303)
    expect(headers['location']).toBe('/?a=1')
    expect(String(headers['set-cookie'])).toMatch(/^squeeze-studio-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  })

  it('is good for nothing else', async () => {
    const token = new URL(server.url).searchParams.get('token') ?? ''
    const name = cookie.split('=')[0]
    expect((await get('/', { cookie: `${name}=${token}` })).status).toBe(401)
    expect((await get('/', { authorization: `Bearer ${token}` })).status).toBe(401)
    expect(cookie).not.toContain(token)
  })

  it('lets nobody in when it is wrong, even with a cookie', async () => {
    expect((await get('/?token=wrong', { cookie })).status).toBe(401)
    expect((await get('/')).status).toBe(401)
  })

  it('does not send the browser to another site', async () => {
    const token = new URL(server.url).searchParams.get('token')
    expect((await get(`//elsewhere.example/?token=${token}`)).headers['location']).toMatch(/^\/(?!\/)/)
  })
})

describe('the page', () => {
  it('comes with its rules', async () => {
    const { status, headers, body } = await get('/', { cookie })
    expect([status, body]).toEqual([200, '<p>page</p>'])
    expect(headers['content-security-policy']).toContain("script-src 'self';")
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect((await get('/assets/a.js', { cookie })).headers['cache-control']).toContain('immutable')
  })

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets',
    '/nothing',
    '/%00',
  ])('has no %s', async (path) => expect((await get(path, { cookie })).status).toBe(404))

  it('answers GET to its own name alone', async () => {
    expect((await get('/', { cookie }, 'POST')).status).toBe(405)
    expect((await get('/', { cookie, host: 'rebound.example' })).status).toBe(421)
    expect((await get('/', { cookie, host: `rebound.example:${server.port}` })).status).toBe(421)
    expect((await get('/', { cookie, host: `localhost:${server.port}` })).status).toBe(200)
  })
})

describe('the wire', () => {
  const connect = (headers: Record<string, string>) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/wire`, { headers })
    return new Promise<WebSocket | number>((resolve) => {
      socket.on('open', () => resolve(socket))
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      socket.on('error', () => undefined)
    })
  }
  const origin = () => `http://127.0.0.1:${server.port}`
  const next = (socket: WebSocket) =>
    new Promise<unknown>((resolve) => socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString()))))

  it('opens to our page with the cookie, and to nobody else', async () => {
    expect(await connect({ origin: 'http://elsewhere.example', cookie })).toBe(403)
    expect(await connect({ origin: `http://127.0.0.1:${server.port + 1}`, cookie })).toBe(403)
    expect(await connect({ cookie })).toBe(403)
    expect(await connect({ origin: origin() })).toBe(401)
    expect(await connect({ origin: origin(), cookie, host: 'rebound.example' })).toBe(421)
  })

  it('answers, refuses with the one shape, and tells', async () => {
    const socket = (await connect({ origin: origin(), cookie })) as WebSocket
    socket.send(JSON.stringify({ id: 1, method: 'project.list', params: {} }))
    expect(await next(socket)).toEqual({ id: 1, result: { method: 'project.list', params: {} } })
    socket.send(JSON.stringify({ id: 2, method: 'project.get', params: {} }))
    expect(await next(socket)).toMatchObject({ id: 2, error: { code: 'not-found', retryable: false } })
    listener?.({ event: 'project.changed', payload: {} })
    expect(await next(socket)).toEqual({ event: 'project.changed', payload: {} })
    socket.close()
  })

  it('hangs up on what is no request', async () => {
    const socket = (await connect({ origin: origin(), cookie })) as WebSocket
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.send('not json')
    expect(await closed).toBe(1008)
  })
})

it('ends although somebody who was refused holds on to the connection', async () => {
  const own = await serve({ api, host: '127.0.0.1', port: 0, pageRoot: join(folder, 'page') })
  const stranger = connectTo({ port: own.port, host: '127.0.0.1', allowHalfOpen: true })
  const head = `GET /wire HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  stranger.write(head)
  const [said] = (await once(stranger, 'data')) as [Buffer]
  expect(said.toString()).toMatch(/^HTTP\/1\.1 403 /)
  await own.close()
  stranger.destroy()
})

it('says which port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as { port: number }
  const start = serve({ api, host: '127.0.0.1', port, pageRoot: join(folder, 'page') })
  await expect(start).rejects.toMatchObject({
    code: 'busy',
    message: `Port ${port} on 127.0.0.1 is taken by another program.`,
  })
  other.close()
})

it('says that the page is not built', async () => {
  const start = serve({ api, host: '127.0.0.1', port: 0, pageRoot: join(folder, 'nothing') })
  await expect(start).rejects.toMatchObject({ code: 'file-not-found' })
})
