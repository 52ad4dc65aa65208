/**
 * Where a server is and how to log in, as people write it: redis://user:password@host:port/database, or host:port.
 * Default port 6379; rediss:// is the same over TLS.
 */
import { bracketed } from '../lib/host-port.ts'

export interface ServerUrl {
  readonly host: string
  readonly port: number
  /** '' = none given. */
  readonly user: string
  readonly password: string
  readonly database: number
  /** Over TLS. */
  readonly tls?: boolean
}

const DEFAULT_PORT = 6379

/** Throws TypeError with what was wanted. */
export function parseServerUrl(text: string): ServerUrl {
  const full = text.includes('://') ? text : `redis://${text}`
  const form = 'redis[s]://[[user]:password@]host[:port][/database]'
  const wanted = `Cannot use '${withoutPassword(text)}' as a server: wanted ${form}`
  let url: URL
  try {
    url = new URL(full)
  } catch {
    throw new TypeError(wanted)
  }
  const isTls = url.protocol === 'rediss:'
  if ((url.protocol !== 'redis:' && !isTls) || url.hostname === '') throw new TypeError(wanted)
  const database = url.pathname.replace(/^\//, '')
  if (!/^\d{0,4}$/.test(database)) throw new TypeError(wanted)
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: Number(database),
    ...(isTls ? { tls: true } : {}),
  }
}

/** The URL with its password left out: the form for messages. */
export function formatServerUrl(url: ServerUrl): string {
  const scheme = url.tls === true ? 'rediss' : 'redis'
  return `${scheme}://${bracketed(url.host)}:${url.port}${url.database === 0 ? '' : `/${url.database}`}`
}

function withoutPassword(text: string): string {
  return text.replace(/:[^:@/]*@/, ':***@')
}
