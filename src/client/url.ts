/**
 * Where a server is and how to log in, as people write it: redis://user:password@host:port/database, or host:port.
 * Default port 6379. TLS (rediss://) is refused until the server speaks it.
 */

export interface ServerUrl {
  readonly host: string
  readonly port: number
  /** '' = none given. */
  readonly user: string
  readonly password: string
  readonly database: number
}

const DEFAULT_PORT = 6379

/** Throws TypeError with what was wanted. */
export function parseServerUrl(text: string): ServerUrl {
  const full = text.includes('://') ? text : `redis://${text}`
  const form = 'redis://[[user]:password@]host[:port][/database]'
  const wanted = `Cannot use '${withoutPassword(text)}' as a server: wanted ${form}`
  let url: URL
  try {
    url = new URL(full)
  } catch {
    throw new TypeError(wanted)
  }
  if (url.protocol !== 'redis:' || url.hostname === '') throw new TypeError(wanted)
  const database = url.pathname.replace(/^\//, '')
  if (!/^\d{0,4}$/.test(database)) throw new TypeError(wanted)
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: Number(database),
  }
}

/** The URL with its password left out: the form for messages. */
export function formatServerUrl(url: ServerUrl): string {
  const host = url.host.includes(':') ? `[${url.host}]` : url.host
  return `redis://${host}:${url.port}${url.database === 0 ? '' : `/${url.database}`}`
}

function withoutPassword(text: string): string {
  return text.replace(/:[^:@/]*@/, ':***@')
}
