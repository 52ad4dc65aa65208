/**
 * How the text of a setting becomes a value, one kind per sort of value. `parse` returns the value, or undefined when
 * the text is not one; `wanted` completes the sentence "Cannot use --x 'text': wanted ...".
 */

import { canonicalSetting } from '../engine/settings.ts'
import { parameterProblem } from '../frontends/config-parameters.ts'
import { parseHostPort } from '../lib/host-port.ts'

export interface ValueKind<T> {
  /** Stands for the value in help texts, e.g. 'PORT'. */
  readonly placeholder: string
  readonly wanted: string
  parse(text: string): T | undefined
  /** The value as a user would write it. */
  format(value: T): string
}

/** A member of --cluster: its name, '' when only addresses are listed, and the address of its peer door. */
export interface ClusterMember {
  readonly name: string
  readonly address: string
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)$/
/** A scheme, a host and maybe a port, as browsers write them; neither '*' nor 'null'. */
const ORIGIN = /^https?:\/\/(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i

export const nodeName: ValueKind<string> = {
  placeholder: 'NAME',
  wanted: '1 to 64 of A-Z a-z 0-9 . _ -',
  parse: (text) => (NAME.test(text) ? text : undefined),
  format: String,
}

export const hostName: ValueKind<string> = {
  placeholder: 'HOST',
  wanted: 'a host name or an IP address, without a port',
  parse: (text) => (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) || HOST.test(text) ? text : undefined),
  format: String,
}

export const port: ValueKind<number> = {
  placeholder: 'PORT',
  wanted: 'a port from 0 (any free one) to 65535',
  parse: (text) => integer(text, 0, 65_535),
  format: String,
}

export const folder: ValueKind<string> = {
  placeholder: 'DIR',
  wanted: 'the path of a folder',
  parse: (text) => (text === '' || text.includes('\0') ? undefined : text),
  format: String,
}

/** The path of a file, or '' for none. */
export const file: ValueKind<string> = {
  placeholder: 'FILE',
  wanted: 'the path of a file',
  parse: (text) => (text.includes('\0') ? undefined : text),
  format: String,
}

/** As Redis' notify-keyspace-events, or '' for none. */
export const notices: ValueKind<string> = {
  placeholder: 'CLASSES',
  wanted: "letters of 'Ag$lshzxeKEtmdn'",
  parse: (text) => canonicalSetting('notify-keyspace-events', text) ?? undefined,
  format: String,
}

/** What CONFIG SET takes for the parameter `name`, as text. */
export function parameter(name: string, placeholder: string): ValueKind<string> {
  return {
    placeholder,
    wanted: `what CONFIG SET ${name} takes`,
    parse: (text) => (parameterProblem(name, text) === null ? text : undefined),
    format: String,
  }
}

/** 'host:port', or '' for none. */
export const address: ValueKind<string> = {
  placeholder: 'HOST:PORT',
  wanted: 'host:port, e.g. db1.example.com:7000',
  parse: (text) => (text === '' || parseHostPort(text) !== null ? text : undefined),
  format: String,
}

/** Names with addresses, or addresses alone. */
export const members: ValueKind<readonly ClusterMember[]> = {
  placeholder: 'N1=HOST:PORT,...',
  wanted: 'name=host:port pairs with different names and addresses, e.g. n1=10.0.0.1:9090,n2=10.0.0.2:9090',
  parse: parseMembers,
  format: (value) =>
    value.map(({ name, address }) => (name === '' ? address : `${name}=${address}`)).join(','),
}

/** ':8080' or 'host:8080', or '' for none. */
export const listenAddress: ValueKind<string> = {
  placeholder: '[HOST]:PORT',
  wanted: '[host]:port, e.g. 127.0.0.1:8080',
  parse(text) {
    const colon = text.lastIndexOf(':')
    const isPort = integer(text.slice(colon + 1), 0, 65_535) !== undefined
    const host = text.slice(0, Math.max(0, colon))
    return text === '' || (colon >= 0 && isPort && (host === '' || HOST.test(host))) ? text : undefined
  },
  format: String,
}

/** 'http://host:port' of a URL of another node; its path does not matter. Null when it is none. */
export function parsePeerUrl(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 'http:' || url.username !== '') return null
  const address = `${url.hostname}:${url.port === '' ? 80 : url.port}`
  return parseHostPort(address) === null ? null : `http://${address}`
}

export const hostList: ValueKind<readonly string[]> = {
  placeholder: 'HOST,...',
  wanted: 'host names without ports, separated by commas',
  parse(text) {
    const hosts = splitList(text)
    return hosts.every((host) => HOST.test(host)) ? hosts : undefined
  },
  format: (value) => value.join(','),
}

export const originList: ValueKind<readonly string[]> = {
  placeholder: 'ORIGIN,...',
  wanted: 'origins such as https://app.example.com, separated by commas',
  parse(text) {
    const origins = splitList(text)
    return origins.every((origin) => ORIGIN.test(origin)) ? origins : undefined
  },
  format: (value) => value.join(','),
}

export const secret: ValueKind<string> = {
  placeholder: 'TEXT',
  wanted: 'one line of text, at most 1024 characters',
  parse: (text) => (text.length <= 1024 && !/[\r\n\0]/.test(text) ? text : undefined),
  format: (value) => (value === '' ? '' : '(set)'),
}

/** A flag without a value is true. */
export const flag: ValueKind<boolean> = {
  placeholder: '',
  wanted: 'true or false',
  parse(text) {
    if (/^(true|yes|on|1)$/i.test(text)) return true
    return /^(false|no|off|0)$/i.test(text) ? false : undefined
  },
  format: String,
}

export function choice<const T extends string>(values: readonly T[]): ValueKind<T> {
  return {
    placeholder: values.join('|'),
    wanted: `one of ${values.join(', ')}`,
    parse: (text) => values.find((value) => value === text),
    format: String,
  }
}

/** What a port speaks when the node has a certificate. */
export const tlsPort = choice(['on', 'off', 'both'])

export function count(low: number, high: number): ValueKind<number> {
  return {
    placeholder: 'COUNT',
    wanted: `a whole number from ${low} to ${high}`,
    parse: (text) => integer(text, low, high),
    format: String,
  }
}

/** Bytes, with an optional unit: 65536, 64kb, 64MiB, 1g (units of 1024). */
export function bytes(low: number, high: number): ValueKind<number> {
  return {
    placeholder: 'BYTES',
    wanted: `a size from ${formatBytes(low)} to ${formatBytes(high)}, e.g. 65536, 64kb, 64mb`,
    parse(text) {
      const match = /^(\d+)\s*(?:([kmgt])i?b?|b)?$/i.exec(text)
      if (match === null) return undefined
      const power = match[2] === undefined ? 0 : 'kmgt'.indexOf(match[2].toLowerCase()) + 1
      return within(Number(match[1]) * 1024 ** power, low, high)
    },
    format: formatBytes,
  }
}

/** Milliseconds, with an optional unit: 150, 150ms, 2s. */
export function milliseconds(low: number, high: number): ValueKind<number> {
  return {
    placeholder: 'MS',
    wanted: `a time from ${low}ms to ${high}ms, e.g. 150, 150ms, 2s`,
    parse(text) {
      const match = /^(\d+)(ms|s)?$/i.exec(text)
      if (match === null) return undefined
      return within(Number(match[1]) * (match[2]?.toLowerCase() === 's' ? 1000 : 1), low, high)
    },
    format: (value) => `${value}ms`,
  }
}

/** True for names and addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, '')
  if (bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1') return true
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(bare)
}

export function formatBytes(value: number): string {
  const units = ['', 'kb', 'mb', 'gb', 'tb']
  let unit = 0
  let rest = value
  while (rest >= 1024 && rest % 1024 === 0 && unit < units.length - 1) {
    rest /= 1024
    unit++
  }
  return `${rest}${units[unit]}`
}

function parseMembers(text: string): readonly ClusterMember[] | undefined {
  const found: ClusterMember[] = []
  const items = splitList(text)
  const hasNames = items.some((item) => item.includes('='))
  for (const item of items) {
    const equals = item.indexOf('=')
    const member = { name: item.slice(0, Math.max(0, equals)), address: item.slice(equals + 1) }
    const isRepeated = (other: ClusterMember): boolean =>
      other.address === member.address || (hasNames && other.name === member.name)
    if (hasNames && !NAME.test(member.name)) return undefined
    if (parseHostPort(member.address) === null || found.some(isRepeated)) return undefined
    found.push(member)
  }
  return found
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function integer(text: string, low: number, high: number): number | undefined {
  return /^\d{1,15}$/.test(text) ? within(Number(text), low, high) : undefined
}

function within(value: number, low: number, high: number): number | undefined {
  return value >= low && value <= high ? value : undefined
}
