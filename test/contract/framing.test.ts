import { afterEach, describe, expect, test } from 'vitest'
import { frame, helloParams, Wire } from './wire.ts'

describe('frames and requests', () => {
  let wire: Wire
  afterEach(() => wire.close())

  const alive = async () => expect(await wire.result('job.cancel', { jobId: 1 })).toEqual({ found: false })

  test.each([
    ['text that is no JSON', '{"jsonrpc": "2.0",', -32700],
    ['nothing', '', -32700],
    ['deep nesting', '['.repeat(200_000), -32700],
    ['a batch', '[]', -32600],
    ['another version', '{"jsonrpc":"1.0","id":7,"method":"job.cancel"}', -32600],
    ['a method that is no name', '{"jsonrpc":"2.0","id":7,"method":5}', -32600],
    ['positional params', '{"jsonrpc":"2.0","id":7,"method":"job.cancel","params":[1]}', -32600],
  ])('%s is refused, and the sidecar goes on', async (_, body, code) => {
    wire = await Wire.greeted()
    wire.sendRaw(frame(body))
    const reply = await wire.reply(({ error }) => error !== undefined)
    expect(reply.error?.code).toBe(code)
    expect(reply.error?.data?.code).toBe('invalid-request')
    await alive()
  })

  test('an unknown method is named', async () => {
    wire = await Wire.greeted()
    const { code, info } = await wire.refusal('checkpoint.devour', {})
    expect(code).toBe(-32601)
    expect(info.message).toContain('checkpoint.devour')
    await alive()
  })

  test('notifications and answers from the host are passed over', async () => {
    wire = await Wire.greeted()
    wire.send({ jsonrpc: '2.0', method: '$/setTrace', params: { value: 'off' } })
    wire.send({ jsonrpc: '2.0', id: 99, result: null })
    await alive()
    expect(wire.replies).toHaveLength(2)
  })

  test('other header fields, any case and pieces of any size are read', async () => {
    wire = new Wire()
    const body = JSON.stringify({ jsonrpc: '2.0', id: 'first', method: 'sidecar.hello', params: helloParams })
    const bytes = `content-type: application/json\r\nCONTENT-LENGTH:${body.length}\r\n\r\n${body}`
    for (let at = 0; at < bytes.length; at += 11) {
      wire.sendRaw(bytes.slice(at, at + 11))
      if (at < 66) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect((await wire.reply(({ id }) => id === 'first')).error).toBeUndefined()
  })

  test.each([
    ['an oversized header', `X-Padding: ${'x'.repeat(9000)}\r\n`, /header of more than 8192 bytes/],
    ['a header without length', 'Content-Type: x\r\n\r\n{}', /no Content-Length/],
    ['a length that is no number', 'Content-Length: 3.5\r\n\r\n{}', /Content-Length must be/],
    ['a negative length', 'Content-Length: -1\r\n\r\n{}', /Content-Length must be/],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}', /Content-Length must be/],
    ['an oversized body', `Content-Length: ${2 ** 26 + 1}\r\n\r\n`, /at most 67108864/],
  ])('%s ends the sidecar with the reason', async (_, bytes, reason) => {
    wire = await Wire.greeted()
    wire.sendRaw(bytes)
    expect((await wire.exited).code).toBe(2)
    expect(wire.stderr).toMatch(reason)
    expect(wire.replies.at(-1)?.error?.message).toMatch(reason)
  })

  test('an input that ends inside a frame is an error', async () => {
    wire = await Wire.greeted()
    wire.sendRaw('Content-Length: 10\r\n\r\n{}')
    wire.process.stdin.end()
    expect((await wire.exited).code).toBe(2)
    expect(wire.stderr).toContain('ended inside a body')
  })
})
