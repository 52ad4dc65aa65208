/**
 * Addresses of peers as text: 'host:port', with brackets around an IPv6 host; 'http://host:port' when the peer door is
 * behind the HTTP port there.
 */
import type { Address } from './network.ts'

/** Null when `text` is no address with a port of 1 to 65535. */
export function parseAddress(text: string): Address | null {
  const match = /^(http:\/\/)?(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  if (match === null) return null
  const port = Number(match[4])
  if (port < 1 || port > 65_535) return null
  const host = match[2] ?? (match[3] as string)
  return match[1] === undefined ? { host, port } : { host, port, isHttp: true }
}

/** The host of 'host:port', as a key for what concerns a whole machine. */
export function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(':')
  return colon < 0 ? remote : remote.slice(0, colon)
}
