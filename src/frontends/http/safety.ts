/**
 * R18: what an HTTP request must show before any route sees it. The Host header must name this node, so that
 * a web page cannot reach it under a name of its own (DNS rebinding); a page of another site may change
 * nothing.
 */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { ErrorCode } from '../../protocol/errors.ts'

/** Why a request is refused: a row of the error table, and what exactly. */
export interface Refusal {
  readonly code: ErrorCode
  readonly detail: string
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const LOOPBACK_NAMES = ['localhost', 'localhost.localdomain', 'ip6-localhost']

/** RFC 9110, 9.2.1: does it change nothing? */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.has(method)
}

/**
 * Is the body framed in another way than by a length, or by chunks alone (RFC 9112, 6.1)? It would be stored with a
 * coding that nobody undoes, and servers in front may take it for something else.
 */
export function isStrangelyCoded({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')
}

export const STRANGELY_CODED: Refusal = {
  code: 'PROTOCOL',
  detail: 'Transfer-Encoding is taken in HTTP/1.1, and only when it is chunked',
}

/** Host names under which this node may be called, in lower case, without ports. */
export function knownHosts(names: readonly string[]): ReadonlySet<string> {
  const known = new Set(LOOPBACK_NAMES)
  for (const name of names) if (name !== '') known.add(bareHost(name))
  return known
}

/** 'Name:80' -> 'name', '[::1]:80' -> '::1'; a trailing dot is dropped. */
export function bareHost(host: string): string {
  const lower = host.trim().toLowerCase()
  if (lower.startsWith('[')) return lower.slice(1, Math.max(1, lower.indexOf(']')))
  if (isIP(lower) !== 0) return lower
  const colon = lower.lastIndexOf(':')
  const name = colon < 0 ? lower : lower.slice(0, colon)
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/**
 * An address cannot be rebound: it is always known. A request without the header is HTTP/1.0, which no
 * browser sends.
 */
export function isKnownHost(header: string | undefined, known: ReadonlySet<string>): boolean {
  if (header === undefined || header === '') return true
  const host = bareHost(header)
  return isIP(host) !== 0 || known.has(host)
}

/** Node keeps the first and drops the others; what stands between may have looked at another one (RFC 9112, 3.2). */
export function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count > 1
}

/** 'GET http://host/path', as for proxies: the host in it is the one that counts (RFC 9112, 3.2.2). */
export function toOriginForm(request: IncomingMessage): void {
  const found = /^https?:\/\/([^/?]*)(.*)$/i.exec(request.url ?? '')
  if (found === null) return
  const [, host = '', rest = ''] = found
  request.headers.host = host
  request.url = rest.startsWith('/') ? rest : `/${rest}`
}

/** Does a page of another site send this request, which could change something? */
export function isCrossSiteChange(method: string, headers: IncomingHttpHeaders): boolean {
  if (isSafe(method)) return false
  const site = headers['sec-fetch-site']
  if (typeof site === 'string' && site !== 'same-origin' && site !== 'none') return true
  const origin = headers.origin
  return typeof origin === 'string' && originHost(origin) !== (headers.host ?? '').toLowerCase()
}

/** Host and port of an Origin header, '' when it is 'null' or nonsense. */
function originHost(origin: string): string {
  const at = origin.indexOf('://')
  return at < 0 ? '' : origin.slice(at + 3).toLowerCase()
}

/** The password that an Authorization header brings (Bearer, or Basic of the user 'default'), or null. */
export function passwordOf(header: string | undefined): { user: string; password: Buffer } | null {
  if (header === undefined) return null
  const space = header.indexOf(' ')
  const scheme = header.slice(0, space).toLowerCase()
  const value = header.slice(space + 1).trim()
  if (scheme === 'bearer') return { user: 'default', password: Buffer.from(value) }
  if (scheme !== 'basic') return null
  const text = Buffer.from(value, 'base64')
  const colon = text.indexOf(0x3a)
  if (colon < 0) return null
  return {
    user: colon === 0 ? 'default' : text.toString('utf8', 0, colon),
    password: text.subarray(colon + 1),
  }
}
