import { hostname } from 'node:os'
import { isIP } from 'node:net'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Whether a Host header names this server. A page elsewhere that rebinds its own name to our address still sends that
 * name, so names are accepted only when they are ours; an address cannot be rebound.
 */
export function isOurHost(header: string | undefined, boundTo: string, port: number): boolean {
  const url = URL.parse(`http://${header ?? ''}/`)
  if (!header || !url || url.host !== header.toLowerCase()) return false
  if ((url.port || '80') !== String(port)) return false
  if (LOOPBACK.has(url.hostname)) return true
  if (isLoopback(boundTo)) return false
  return (
    isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 ||
    [boundTo, hostname()].some((name) => name.toLowerCase() === url.hostname)
  )
}

/** Whether an Origin header is that of a page which the server with this Host header served itself. */
export function isOurOrigin(origin: string | undefined, host: string | undefined): boolean {
  return host !== undefined && origin === `http://${host}`
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
