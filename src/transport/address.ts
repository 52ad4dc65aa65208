/** Addresses of peers as text: 'host:port', with brackets around an IPv6 host. */
import type { Address } from './network.ts'

/** Null when `text` is no address with a port of 1 to 65535. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  if (match === null) return null
  const port = Number(match[3])
  if (port < 1 || port > 65_535) return null
  return { host: match[1] ?? (match[2] as string), port }
}

/** The host of 'host:port', as a key for what concerns a whole machine. */
export function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(':')
  return colon < 0 ? remote : remote.slice(0, colon)
}
