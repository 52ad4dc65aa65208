/**
 * The query of a URL, strictly: a parameter that the route does not know, one given twice and a value that is not of
 * its kind are refused with what was wanted. Values are bytes until somebody asks for something else.
 */
import { isUtf8 } from 'node:buffer'
import { badRequest, ProblemError } from '../problem.ts'
import { decodePercent } from './percent.ts'

const DURATION = /^(\d{1,15})(ms|s|m|h|d)?$/
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

export class Query {
  readonly #values: ReadonlyMap<string, Buffer>

  constructor(values: ReadonlyMap<string, Buffer>) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The value, or null when the parameter is not there. */
  bytes(name: string): Buffer | null {
    return this.#values.get(name) ?? null
  }

  text(name: string): string | null {
    const bytes = this.bytes(name)
    if (bytes === null) return null
    if (!isUtf8(bytes)) throw badRequest(`?${name}`, bytes.toString('latin1'), 'UTF-8')
    return bytes.toString()
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice {
    const text = this.text(name)
    if (text === null) return fallback
    const found = choices.find((choice) => choice === text)
    if (found === undefined) throw badRequest(`?${name}`, text, choices.join(', '))
    return found
  }

  /** An integer from `low` to `high`, both included. */
  integer(name: string, low: number, high: number, fallback: number): number {
    const text = this.text(name)
    return text === null ? fallback : parseInteger(`?${name}`, text, low, high)
  }

  /** '?name', '?name=true' or '?name=1'; '?name=false' or '?name=0'. */
  flag(name: string): boolean {
    const text = this.text(name)
    if (text === null || text === 'false' || text === '0') return false
    if (text === '' || text === 'true' || text === '1') return true
    throw badRequest(`?${name}`, text, 'true or false')
  }

  /** In milliseconds; null when it is not there. */
  duration(name: string): number | null {
    const text = this.text(name)
    return text === null ? null : parseDuration(`?${name}`, text)
  }
}

export const EMPTY_QUERY = new Query(new Map())

/** `known`: the parameters that the route has. `url` as it came. */
export function parseQuery(url: string, known: ReadonlySet<string>): Query {
  const mark = url.indexOf('?')
  if (mark < 0 || mark === url.length - 1) return EMPTY_QUERY
  const values = new Map<string, Buffer>()
  for (const pair of url.slice(mark + 1).split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals), 'a name').toString()
    if (!known.has(name)) throw unknownParameter(name, known)
    if (values.has(name)) throw new ProblemError('BAD_REQUEST', `?${name} is given twice`)
    values.set(name, decoded(equals < 0 ? '' : pair.slice(equals + 1), `?${name}`))
  }
  return new Query(values)
}

function decoded(text: string, what: string): Buffer {
  const bytes = decodePercent(text, true)
  if (bytes === null) throw badRequest(what, text, 'every % followed by two hexadecimal digits')
  return bytes
}

function unknownParameter(name: string, known: ReadonlySet<string>): ProblemError {
  const wanted = known.size === 0 ? 'no parameters' : [...known].sort().join(', ')
  return badRequest('a parameter', name, wanted)
}

export function parseInteger(what: string, text: string, low: number, high: number): number {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= low && value <= high)) throw badRequest(what, text, `an integer from ${low} to ${high}`)
  return value
}

/** '90', '90s', '1500ms', '5m', '2h', '1d', in milliseconds: above zero; a bare number is seconds. */
export function parseDuration(what: string, text: string): number {
  const match = DURATION.exec(text)
  const ms = match === null ? 0 : Number(match[1]) * (UNIT_MS[match[2] ?? 's'] as number)
  if (ms < 1 || !Number.isSafeInteger(ms)) {
    throw badRequest(what, text, 'a time above zero such as 90, 90s, 1500ms, 5m, 2h or 1d')
  }
  return ms
}
