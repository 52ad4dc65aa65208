/**
 * A stored value as the JSON protocol shows it: the value itself when its bytes are JSON, else a string. Numbers keep
 * their digits, since they are copied and not converted; white space becomes what that system printed, a space behind
 * each ':' and ','. One pass, no recursion: values come from strangers and may be 16 MiB of brackets.
 */
import { isUtf8 } from 'node:buffer'

/** Deeper values are shown as strings, as the original did when its parser gave up. */
const MAX_DEPTH = 1_000

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const SPACE = 0x20
const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const LITERALS = ['true', 'false', 'null']
const ESCAPES = Buffer.from('"\\/bfnrt')

/** What may come next. */
type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing'

/** The JSON text of a value, in ASCII. */
export function jsonText(value: Buffer): string {
  const spaced = isUtf8(value) ? new Spacer(value).run() : null
  return toAscii(spaced ?? JSON.stringify(value.toString('utf8')))
}

/** JSON text with everything beyond ASCII escaped. */
function toAscii(text: string): string {
  return text.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

class Spacer {
  readonly #in: Buffer
  readonly #out: Buffer
  /** The end of each object or array that is open. */
  readonly #open: number[] = []
  #at = 0
  #length = 0
  #expected: Expected = 'value'

  constructor(value: Buffer) {
    this.#in = value
    this.#out = Buffer.allocUnsafe(2 * value.length)
  }

  /** The text with its white space changed, or null when it is not JSON. */
  run(): string | null {
    while (this.#at < this.#in.length) {
      const byte = this.#in[this.#at] as number
      if (byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09) this.#at++
      else if (!this.#token(byte)) return null
    }
    return this.#expected === 'nothing' ? this.#out.toString('utf8', 0, this.#length) : null
  }

  #token(byte: number): boolean {
    switch (this.#expected) {
      case 'value':
        return this.#value(byte)
      case 'value or end':
        return byte === ARRAY_END ? this.#close(byte) : this.#value(byte)
      case 'key':
        return byte === QUOTE && this.#string('colon')
      case 'key or end':
        return byte === OBJECT_END ? this.#close(byte) : byte === QUOTE && this.#string('colon')
      case 'colon':
        return byte === COLON && this.#separator(byte, 'value')
      case 'comma or end':
        if (byte !== COMMA) return this.#close(byte)
        return this.#separator(byte, this.#open.at(-1) === OBJECT_END ? 'key' : 'value')
      case 'nothing':
        return false
    }
  }

  #value(byte: number): boolean {
    if (byte === QUOTE) return this.#string(this.#after())
    if (byte === OBJECT) return this.#begin(byte, OBJECT_END, 'key or end')
    if (byte === ARRAY) return this.#begin(byte, ARRAY_END, 'value or end')
    return this.#scalar()
  }

  #begin(byte: number, end: number, expected: Expected): boolean {
    if (this.#open.length === MAX_DEPTH) return false
    this.#open.push(end)
    this.#emit(byte)
    this.#expected = expected
    return true
  }

  #close(byte: number): boolean {
    if (this.#open.pop() !== byte) return false
    this.#emit(byte)
    this.#expected = this.#after()
    return true
  }

  #separator(byte: number, expected: Expected): boolean {
    this.#emit(byte)
    this.#out[this.#length++] = SPACE
    this.#expected = expected
    return true
  }

  #string(expected: Expected): boolean {
    const end = this.#stringEnd()
    if (end < 0) return false
    this.#copy(end)
    this.#expected = expected
    return true
  }

  /** Behind the closing quote of the string that begins here, or -1. */
  #stringEnd(): number {
    for (let at = this.#at + 1; at < this.#in.length; at++) {
      const byte = this.#in[at] as number
      if (byte === QUOTE) return at + 1
      if (byte < SPACE) return -1
      if (byte !== BACKSLASH) continue
      at++
      if (this.#in[at] === 0x75) {
        if (!/^[0-9a-fA-F]{4}$/.test(this.#in.toString('latin1', at + 1, at + 5))) return -1
        at += 4
      } else if (!ESCAPES.includes(this.#in[at] ?? 0)) return -1
    }
    return -1
  }

  /** A number or a literal: what stands before the next white space or separator. */
  #scalar(): boolean {
    let end = this.#at
    while (end < this.#in.length && !isEnd(this.#in[end] as number)) end++
    const text = this.#in.toString('latin1', this.#at, end)
    if (!LITERALS.includes(text) && !NUMBER.test(text)) return false
    this.#copy(end)
    this.#expected = this.#after()
    return true
  }

  #after(): Expected {
    return this.#open.length === 0 ? 'nothing' : 'comma or end'
  }

  #emit(byte: number): void {
    this.#out[this.#length++] = byte
    this.#at++
  }

  #copy(end: number): void {
    this.#length += this.#in.copy(this.#out, this.#length, this.#at, end)
    this.#at = end
  }
}

function isEnd(byte: number): boolean {
  return byte <= SPACE || byte === COMMA || byte === COLON || byte === ARRAY_END || byte === OBJECT_END
}
