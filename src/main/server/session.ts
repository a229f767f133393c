import { randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Who may talk to the server. The token in the printed URL does one thing: it is exchanged for the cookie, which is
 * another secret, so that the token is in no later request and no page can read what the browser sends.
 */
export type Session = {
  token: string
  cookieName: string
  /** The Set-Cookie line of the exchange. */
  cookie: string
  acceptsToken: (candidate: string | null) => boolean
  acceptsCookieHeader: (header: string | undefined) => boolean
}

/** Cookies are shared by all ports of a host, so the port is in the name: two studios do not log each other out. */
export function openSession(port: number): Session {
  const token = randomBytes(24).toString('base64url')
  const secret = randomBytes(32).toString('base64url')
  const cookieName = `squeeze-studio-${port}`
  return {
    token,
    cookieName,
    cookie: `${cookieName}=${secret}; Path=/; HttpOnly; SameSite=Strict`,
    acceptsToken: (candidate) => equal(candidate, token),
    acceptsCookieHeader: (header) => equal(cookieValue(header, cookieName), secret),
  }
}

function cookieValue(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return null
}

function equal(candidate: string | null, secret: string): boolean {
  if (candidate === null) return false
  const a = Buffer.from(candidate)
  const b = Buffer.from(secret)
  return a.length === b.length && timingSafeEqual(a, b)
}
