/**
 * Unsigned LEB128 integers up to 2^53 - 1, and a reader and writer over growing bytes for the store's codecs.
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { readU32, readU64, writeU32, writeU64 } from '../../lib/bytes.ts'
import { writeKey } from './arena.ts'

/** Most bytes that one integer takes. */
const VARINT_MAX_SIZE = 8

/** Writes `value` at `offset` and returns the offset behind it; the caller made room. */
function writeVarint(target: Buffer, offset: number, value: number): number {
  let rest = value
  let at = offset
  while (rest >= 2 ** 31) {
    target[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest >= 128) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** Bytes that grow as they are written. */
export class ByteWriter {
  #buffer: Buffer
  #size = 0

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  get size(): number {
    return this.#size
  }

  u32(value: number): void {
    this.#room(4)
    writeU32(this.#buffer, this.#size, value)
    this.#size += 4
  }

  u64(value: number): void {
    this.#room(8)
    writeU64(this.#buffer, this.#size, value)
    this.#size += 8
  }

  varint(value: number): void {
    this.#room(VARINT_MAX_SIZE)
    this.#size = writeVarint(this.#buffer, this.#size, value)
  }

  /** The bytes of `text` without its length. */
  text(text: ByteString): void {
    this.#room(text.length)
    writeKey(this.#buffer, this.#size, text)
    this.#size += text.length
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.#size)
    this.#size += bytes.length
  }

  /** Length, then bytes. */
  sizedText(text: ByteString): void {
    this.varint(text.length)
    this.text(text)
  }

  /** What was written so far; valid until the next write or clear(). */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#size)
  }

  clear(): void {
    this.#size = 0
  }

  #room(size: number): void {
    if (this.#size + size <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#size + size))
    grown.set(this.view())
    this.#buffer = grown
  }
}

/** Reads what ByteWriter wrote; throws a RangeError when the bytes end early. */
export class ByteReader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#end - this.#at
  }

  u32(): number {
    return readU32(this.#bytes, this.#take(4))
  }

  u64(): number {
    return readU64(this.#bytes, this.#take(8))
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < VARINT_MAX_SIZE; i++) {
      const byte = this.#bytes[this.#take(1)] as number
      value += (byte & 0x7f) * scale
      if (byte < 128) break
      scale *= 128
    }
    assert(value <= Number.MAX_SAFE_INTEGER, 'Integer is above 2^53 - 1')
    return value
  }

  text(length: number): ByteString {
    const start = this.#take(length)
    return this.#bytes.toString('latin1', start, start + length)
  }

  sizedText(): ByteString {
    return this.text(this.varint())
  }

  bytes(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  #take(size: number): number {
    const start = this.#at
    if (size > this.#end - start) throw new RangeError(`Bytes end at ${this.#end}, wanted ${start + size}`)
    this.#at = start + size
    return start
  }
}
