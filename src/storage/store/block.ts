/**
 * A block: the unit of reading and caching of a table, about BLOCK_BYTES, or one larger record alone.
 *
 *    0  -      records in key order: key length, key, version, value length + 1 (0 = the key is deleted),
 *              value; lengths and version are varints
 *    -  4 * n  offset of each record, for binary search
 *    -  4      n
 *    -  4      CRC-32 of all before; the table's index holds it too: no other block can pass for this one
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { readU32 } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import { ByteWriter } from './varint.ts'

/** A block is ended when it reaches this size. */
export const BLOCK_BYTES = 8 * 1024
const TRAILER_SIZE = 8

export class BlockBuilder {
  readonly #writer = new ByteWriter(2 * BLOCK_BYTES)
  readonly #offsets: number[] = []

  get count(): number {
    return this.#offsets.length
  }

  /** Size of the finished block. */
  get size(): number {
    return this.#writer.size + 4 * this.#offsets.length + TRAILER_SIZE
  }

  /** Keys must ascend; `value` null marks the key deleted. */
  add(key: ByteString, version: number, value: Buffer | null): void {
    const writer = this.#writer
    this.#offsets.push(writer.size)
    writer.sizedText(key)
    writer.varint(version)
    writer.varint(value === null ? 0 : value.length + 1)
    if (value !== null) writer.bytes(value)
  }

  /** The finished block and its CRC; valid until the next add(). Leaves the builder empty. */
  finish(): { bytes: Buffer; crc: number } {
    const writer = this.#writer
    for (const offset of this.#offsets) writer.u32(offset)
    writer.u32(this.#offsets.length)
    const crc = crc32(writer.view())
    writer.u32(crc)
    const bytes = writer.view()
    writer.clear()
    this.#offsets.length = 0
    return { bytes, crc }
  }
}

/** The checksum over a block read from a file, or null when the block contradicts itself. */
export function blockChecksum(bytes: Buffer): number | null {
  if (bytes.length < TRAILER_SIZE) return null
  const crc = crc32(bytes.subarray(0, bytes.length - 4))
  return crc === readU32(bytes, bytes.length - 4) ? crc : null
}

/** A checked block. Position: index of a record, 0 <= position < count. */
export class Block {
  readonly bytes: Buffer
  readonly count: number
  readonly #offsets: number
  /** Where the last varint() ended. */
  #at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.count = readU32(bytes, bytes.length - TRAILER_SIZE)
    this.#offsets = bytes.length - TRAILER_SIZE - 4 * this.count
    assert(
      this.count > 0 && this.#offsets > 0,
      () => `Block of ${bytes.length} bytes has ${this.count} records`,
    )
  }

  key(position: number): ByteString {
    const length = this.#varint(this.#offset(position))
    return this.bytes.toString('latin1', this.#at, this.#at + length)
  }

  version(position: number): number {
    return this.#varint(this.#afterKey(position))
  }

  /** A view of the value; null when the record marks its key deleted. */
  value(position: number): Buffer | null {
    this.#varint(this.#afterKey(position))
    const size = this.#varint(this.#at)
    return size === 0 ? null : this.bytes.subarray(this.#at, this.#at + size - 1)
  }

  /** First position whose key is >= `key`; `count` when there is none. */
  seek(key: ByteString): number {
    const position = this.find(key)
    return position >= 0 ? position : ~position
  }

  /** Position of `key`; when it is absent, ~(position of the first key above it), which is negative. */
  find(key: ByteString): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = this.#compare(middle, key)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle
    }
    return ~low
  }

  #offset(position: number): number {
    return readU32(this.bytes, this.#offsets + 4 * position)
  }

  #afterKey(position: number): number {
    const length = this.#varint(this.#offset(position))
    return this.#at + length
  }

  #compare(position: number, key: ByteString): number {
    const length = this.#varint(this.#offset(position))
    return compareBytes(this.bytes, this.#at, this.#at + length, key)
  }

  #varint(offset: number): number {
    const { bytes } = this
    let at = offset
    let byte = bytes[at++] as number
    let value = byte & 0x7f
    for (let scale = 128; byte >= 128; scale *= 128) {
      byte = bytes[at++] as number
      value += (byte & 0x7f) * scale
    }
    this.#at = at
    return value
  }
}

/** Compares the bytes [start, end) with `key`: negative, 0 or positive. */
export function compareBytes(bytes: Buffer, start: number, end: number, key: ByteString): number {
  const length = end - start
  const shared = Math.min(length, key.length)
  for (let i = 0; i < shared; i++) {
    const difference = (bytes[start + i] as number) - key.charCodeAt(i)
    if (difference !== 0) return difference
  }
  return length - key.length
}
