/**
 * JSON in pieces: the text of an answer is made as its client takes it, so that a large one is never in memory as a
 * whole beside the bytes that it is made of.
 */

/** About as much text is made at a time. */
const PIECE_CHARACTERS = 64 * 1024
/** So many bytes become text at a time; a multiple of three, as base64 needs it. */
const SLICE_BYTES = 48 * 1024

/** A long text: its bytes, which are UTF-8, or which are to be shown in base64. */
export class LongText {
  readonly #bytes: Buffer
  readonly #encoding: 'utf8' | 'base64'

  constructor(bytes: Buffer, encoding: 'utf8' | 'base64') {
    this.#bytes = bytes
    this.#encoding = encoding
  }

  toJSON(): string {
    return this.#bytes.toString(this.#encoding)
  }

  /** As JSON, quotes and all. */
  *pieces(): Generator<string> {
    yield '"'
    for (let at = 0; at < this.#bytes.length; ) {
      const end = this.#sliceEnd(at + SLICE_BYTES)
      const text = this.#bytes.toString(this.#encoding, at, end)
      yield this.#encoding === 'base64' ? text : JSON.stringify(text).slice(1, -1)
      at = end
    }
    yield '"'
  }

  /** At most `end`, and not within a character. */
  #sliceEnd(end: number): number {
    if (end >= this.#bytes.length) return this.#bytes.length
    if (this.#encoding === 'base64') return end
    let at = end
    while (((this.#bytes[at] as number) & 0xc0) === 0x80) at--
    return at
  }
}

/** `bytes` in base64, without quotes. */
export function* base64Pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    yield Buffer.from(bytes.toString('base64', at, at + SLICE_BYTES))
  }
  if (bytes.length === 0) yield bytes
}

/** The text of `bytes` for JSON: long ones are turned into text when they are sent. UTF-8 is well formed. */
export function jsonText(bytes: Buffer, encoding: 'utf8' | 'base64'): string | LongText {
  return bytes.length < SLICE_BYTES ? bytes.toString(encoding) : new LongText(bytes, encoding)
}

/** An array whose elements are made one after another, once. */
export class JsonList {
  readonly elements: Iterable<unknown>

  constructor(elements: Iterable<unknown>) {
    this.elements = elements
  }
}

/** What JSON.stringify() gives, with `tail` behind it, in pieces. `value` may hold LongText and JsonList. */
export function* jsonPieces(value: unknown, tail = ''): Generator<Buffer> {
  yield* gather(partsOf(value), tail)
}

/** Elements of an array with commas between them, and the text around them. */
export function* elementPieces(before: string, elements: Iterable<unknown>, tail: string): Generator<Buffer> {
  yield* gather(elementParts(before, elements), tail)
}

function* gather(parts: Iterable<string>, tail: string): Generator<Buffer> {
  let text = ''
  for (const part of parts) {
    text += part
    if (text.length < PIECE_CHARACTERS) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '' || tail !== '') yield Buffer.from(text + tail)
}

function* partsOf(value: unknown): Generator<string> {
  if (value instanceof LongText) return yield* value.pieces()
  if (value instanceof JsonList) return yield* listParts(value.elements)
  if (!holdsMore(value)) return yield JSON.stringify(value)
  if (Array.isArray(value)) return yield* listParts(value)
  let before = '{'
  for (const [name, member] of Object.entries(value as object)) {
    if (member === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    yield* partsOf(member)
    before = ','
  }
  return yield '}'
}

function* listParts(elements: Iterable<unknown>): Generator<string> {
  yield* elementParts('[', elements)
  yield ']'
}

function* elementParts(before: string, elements: Iterable<unknown>): Generator<string> {
  let count = 0
  for (const element of elements) {
    yield count++ === 0 ? before : ','
    yield* partsOf(element)
  }
  if (count === 0) yield before
}

/** Is there anything in it that is to be made later? */
function holdsMore(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof LongText || value instanceof JsonList) return true
  for (const member of Object.values(value)) {
    if (holdsMore(member)) return true
  }
  return false
}
