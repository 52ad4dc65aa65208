/**
 * Takes frames (frame.ts) out of a byte stream that arrives in arbitrary chunks. Frames that lie whole in a
 * chunk are views of it; one that spans chunks is gathered in a buffer that grows by doubling, so that the
 * work is linear in the bytes received and a claimed length costs nothing before its bytes arrive. Payloads
 * stay valid while referenced.
 */
import { assert } from '../lib/assert.ts'
import { readU16, readU32 } from '../lib/bytes.ts'
import { crc32 } from '../lib/crc32.ts'
import { CHECKED_FROM, checkedSize, FRAME_HEADER_SIZE, LENGTH_SIZE } from './frame.ts'

/**
 * `frame`: one was taken. `more`: push() the next chunk. `tooLarge`, `damaged`: the stream is of no further
 * use.
 */
export type DecodeResult = 'frame' | 'more' | 'tooLarge' | 'damaged'

const EMPTY = Buffer.alloc(0)
/** A gathering begins with at most this many bytes. */
const GATHER_BYTES = 1024 * 1024

export class FrameDecoder {
  /** The frame that next() took last; valid until the next call but for the payload. */
  type = 0
  group = 0
  payload: Buffer = EMPTY
  #sizeMax: number
  #chunk: Buffer = EMPTY
  #at = 0
  /**
   * Invariant: an incomplete frame's bytes are in #head (fewer than 4) or in #gathered (4 and more), never in
   * #chunk.
   */
  readonly #head = Buffer.alloc(LENGTH_SIZE)
  #headSize = 0
  #gathered: Buffer | null = null
  #gatheredSize = 0
  #frameSize = 0

  /** Frames above `sizeMax` bytes are refused. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** For a connection that became trusted. */
  setSizeMax(sizeMax: number): void {
    this.#sizeMax = sizeMax
  }

  /** Only after next() returned 'more' (or before its first call). */
  push(chunk: Buffer): void {
    assert(
      this.#at === this.#chunk.length,
      'Cannot decode another chunk: frames of the last one were not taken',
    )
    this.#chunk = chunk
    this.#at = 0
  }

  next(): DecodeResult {
    if (this.#gathered === null && this.#headSize === 0) return this.#nextInChunk()
    return this.#nextGathered()
  }

  #nextInChunk(): DecodeResult {
    const left = this.#chunk.length - this.#at
    if (left === 0) return this.#drained()
    if (left < LENGTH_SIZE) return this.#nextGathered()
    const size = LENGTH_SIZE + readU32(this.#chunk, this.#at)
    const invalid = this.#checkSize(size)
    if (invalid !== null) return invalid
    if (left < size) return this.#gather(size)
    const from = this.#at
    this.#at += size
    return this.#take(this.#chunk, from, size)
  }

  /** Continues an incomplete frame: its length field first, then the rest. */
  #nextGathered(): DecodeResult {
    if (this.#gathered !== null) return this.#gather(this.#frameSize)
    while (this.#headSize < LENGTH_SIZE) {
      if (this.#at === this.#chunk.length) return this.#drained()
      this.#head[this.#headSize++] = this.#chunk[this.#at++] as number
    }
    const size = LENGTH_SIZE + readU32(this.#head, 0)
    return this.#checkSize(size) ?? this.#gather(size)
  }

  #gather(size: number): DecodeResult {
    const take = Math.min(size - this.#gatheredSize - this.#headSize, this.#chunk.length - this.#at)
    let gathered = this.#roomFor(size, take)
    if (this.#headSize > 0) {
      this.#head.copy(gathered, 0)
      this.#gatheredSize = this.#headSize
      this.#headSize = 0
    }
    this.#chunk.copy(gathered, this.#gatheredSize, this.#at, this.#at + take)
    this.#gatheredSize += take
    this.#at += take
    if (this.#gatheredSize < size) return this.#drained()
    gathered = gathered.length === size ? gathered : gathered.subarray(0, size)
    this.#gathered = null
    this.#gatheredSize = 0
    return this.#take(gathered, 0, size)
  }

  /** The gathering buffer with room for `take` more bytes of a frame of `size` bytes. */
  #roomFor(size: number, take: number): Buffer {
    const needed = this.#gatheredSize + this.#headSize + take
    const old = this.#gathered
    if (old !== null && needed <= old.length) return old
    const grown = Buffer.allocUnsafeSlow(
      Math.min(size, Math.max(needed, GATHER_BYTES, (old?.length ?? 0) * 2)),
    )
    old?.copy(grown, 0, 0, this.#gatheredSize)
    this.#gathered = grown
    this.#frameSize = size
    return grown
  }

  #drained(): 'more' {
    this.#chunk = EMPTY
    this.#at = 0
    return 'more'
  }

  #checkSize(size: number): DecodeResult | null {
    if (size < FRAME_HEADER_SIZE) return 'damaged'
    return size > this.#sizeMax ? 'tooLarge' : null
  }

  #take(bytes: Buffer, from: number, size: number): DecodeResult {
    const checkedFrom = from + CHECKED_FROM
    const checkedTo = checkedFrom + checkedSize(bytes[from + 8] as number, size)
    const checksum = crc32(bytes.subarray(checkedFrom, checkedTo), size - LENGTH_SIZE)
    if (checksum !== readU32(bytes, from + LENGTH_SIZE)) return 'damaged'
    const payloadFrom = from + FRAME_HEADER_SIZE + readU16(bytes, from + 10)
    if (payloadFrom > from + size) return 'damaged'
    this.type = bytes[from + 8] as number
    this.group = readU32(bytes, from + 12)
    this.payload = bytes.subarray(payloadFrom, from + size)
    return 'frame'
  }
}
