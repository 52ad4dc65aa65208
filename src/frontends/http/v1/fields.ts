/**
 * The members of a JSON object from outside, strictly: one that is unknown, missing or of another kind is refused by
 * its path, with what was wanted.
 */
import { badRequest, ProblemError } from '../problem.ts'
import { parseDuration } from './query.ts'
import { fromBase64 } from './values.ts'

/** What was given, short enough to be repeated. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
}

export class Fields {
  readonly #path: string
  readonly #members: ReadonlyMap<string, unknown>

  /** `path` names the object in messages, e.g. 'ops[3]'. */
  constructor(path: string, value: unknown, known: readonly string[]) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badRequest(path, shown(value), 'an object')
    }
    this.#path = path
    this.#members = new Map(Object.entries(value))
    for (const name of this.#members.keys()) {
      if (!known.includes(name)) throw badRequest(`a member of ${path}`, name, known.join(', '))
    }
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /** Null when it is not there, or null. */
  text(name: string): string | null {
    const value = this.#members.get(name) ?? null
    if (value === null || typeof value === 'string') return value
    throw badRequest(this.#name(name), shown(value), 'a string')
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#members.get(name)
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw badRequest(this.#name(name), shown(value), choices.join(', '))
    return found
  }

  flag(name: string): boolean {
    const value = this.#members.get(name) ?? false
    if (typeof value !== 'boolean') throw badRequest(this.#name(name), shown(value), 'true or false')
    return value
  }

  /** An integer from 0 on. */
  revision(name: string): number {
    const value = this.#members.get(name)
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw badRequest(this.#name(name), shown(value), 'a revision')
  }

  /** The elements of an array; none when it is not there. `most`: how many there may be. */
  list(name: string, most: number): readonly unknown[] {
    const value = this.#members.get(name) ?? []
    if (!Array.isArray(value)) throw badRequest(this.#name(name), shown(value), 'an array')
    if (value.length > most) {
      throw new ProblemError('TOO_LARGE', `${this.#name(name)} has ${value.length} elements; at most ${most}`)
    }
    return value
  }

  /** `name` as text or `name_base64` as base64; exactly one of them. */
  bytes(name: string): Buffer {
    const bytes = this.optionalBytes(name)
    if (bytes !== null) return bytes
    throw new ProblemError('BAD_REQUEST', `${this.#path} wants ${name} (text) or ${name}_base64`)
  }

  optionalBytes(name: string): Buffer | null {
    const text = this.text(name)
    const encoded = this.text(`${name}_base64`)
    if (text !== null && encoded !== null) {
      throw new ProblemError('BAD_REQUEST', `${this.#path} has both ${name} and ${name}_base64`)
    }
    if (text !== null) return Buffer.from(text)
    if (encoded === null) return null
    const bytes = fromBase64(encoded)
    if (bytes === null) throw badRequest(this.#name(`${name}_base64`), encoded, 'base64')
    return bytes
  }

  /** A time to live: a number of seconds, or text such as '90s'. In milliseconds; null when it is not there. */
  duration(name: string): number | null {
    const value = this.#members.get(name) ?? null
    if (value === null) return null
    const text = typeof value === 'number' ? `${Math.round(value * 1_000)}ms` : this.text(name)
    return parseDuration(this.#name(name), text ?? '')
  }

  #name(name: string): string {
    return `${this.#path}.${name}`
  }
}
