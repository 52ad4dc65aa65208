/**
 * A reply in its internal form (protocol/reply.ts) as JSON: `type` says what it is, `result` holds it. Bytes that are
 * not UTF-8 become {"base64": …}; integers that JSON's readers would round become text.
 */
import { isUtf8 } from 'node:buffer'
import { AssertionError, assert } from '../../../lib/assert.ts'
import { JsonList, jsonText } from '../answers/json-pieces.ts'

export interface ReplyJson {
  readonly type: string
  /** May hold LongText; a large reply's elements are read when they are sent. */
  readonly result: unknown
}

/** Replies from this size on are not turned into JSON at once. */
const LARGE_REPLY_BYTES = 64 * 1024

const CR = 0x0d
const ARRAY = 0x2a
const MINUS = 0x2d

export function replyJson(reply: Buffer): ReplyJson {
  const reader = new Reader(reply)
  if (reply.length >= LARGE_REPLY_BYTES && isArray(reply)) {
    return { type: 'array', result: new JsonList(reader.elements()) }
  }
  const json = reader.next()
  assert(reader.atEnd, () => `A reply has ${reply.length} bytes and more than one part`)
  return json
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Of an array that is the whole reply, one after another. */
  *elements(): Generator<unknown> {
    for (let left = Number(this.#line()); left > 0; left--) yield this.next().result
    assert(this.atEnd, () => `A reply has ${this.#bytes.length} bytes and more than one part`)
  }

  next(): ReplyJson {
    const kind = String.fromCharCode(this.#bytes[this.#at] as number)
    const line = this.#line()
    switch (kind) {
      case '+':
        return { type: 'status', result: line }
      case '-':
        return { type: 'error', result: { error: line } }
      case ':':
      case '(':
        return { type: 'integer', result: integer(line) }
      case ',':
        return { type: 'double', result: double(line) }
      case '#':
        return { type: 'boolean', result: line === 't' }
      case '_':
        return NULL
      case '$':
      case '=':
        return this.#bulk(Number(line), kind === '=')
      case '*':
      case '~':
      case '>':
        return this.#array(Number(line), kind === '~' ? 'set' : 'array')
      case '%':
        return this.#map(Number(line))
      default:
        throw new AssertionError(`A reply begins with ${kind}`)
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(CR, this.#at)
    const line = this.#bytes.toString('utf8', this.#at + 1, end)
    this.#at = end + 2
    return line
  }

  #bulk(length: number, isVerbatim: boolean): ReplyJson {
    if (length < 0) return NULL
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length + 2
    // A verbatim string begins with its encoding and a colon.
    return { type: 'string', result: textOf(isVerbatim ? bytes.subarray(4) : bytes) }
  }

  #array(length: number, type: string): ReplyJson {
    if (length < 0) return NULL
    return { type, result: Array.from({ length }, () => this.next().result) }
  }

  /** An object when every name is text, else an array of pairs. */
  #map(length: number): ReplyJson {
    const pairs = Array.from({ length }, () => [this.next().result, this.next().result] as const)
    const isObject = pairs.every(([name]) => typeof name === 'string')
    return { type: 'map', result: isObject ? Object.fromEntries(pairs) : pairs }
  }
}

function isArray(reply: Buffer): boolean {
  return reply[0] === ARRAY && reply[1] !== MINUS
}

const NULL: ReplyJson = { type: 'null', result: null }

function textOf(bytes: Buffer): unknown {
  return isUtf8(bytes) ? jsonText(bytes, 'utf8') : { base64: jsonText(bytes, 'base64') }
}

function integer(line: string): number | string {
  const value = Number(line)
  return Number.isSafeInteger(value) ? value : line
}

/** JSON has no infinity and no NaN. */
function double(line: string): number | string {
  const value = Number(line)
  return Number.isFinite(value) ? value : line
}
