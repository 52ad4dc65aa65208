/**
 * Addresses of peers as text: 'host:port', with brackets around an IPv6 host; 'http://host:port' when the peer door is
 * behind the HTTP port there.
 */
import { parseHostPort } from '../lib/host-port.ts'
import type { Address } from './network.ts'

const HTTP = 'http://'

/** Null when `text` is no address with a port of 1 to 65535. */
export function parseAddress(text: string): Address | null {
  if (!text.startsWith(HTTP)) return parseHostPort(text)
  const address = parseHostPort(text.slice(HTTP.length))
  return address === null ? null : { ...address, isHttp: true }
}

/** The host of 'host:port' without brackets, as a key for what concerns a whole machine. */
export function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(':')
  return (colon < 0 ? remote : remote.slice(0, colon)).replace(/^\[(.*)\]$/, '$1')
}
