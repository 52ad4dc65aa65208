/**
 * The frame format between nodes, version 1, and its writer. Integers are little-endian.
 *
 *   u32 length           bytes after this field: 12 + extensions + payload
 *   u32 checksum         CRC-32, seeded with `length`, of what follows, as far as checkedSize() says
 *   u8  type             FrameType, or LinkFrame below 16
 *   u8  flags            0; ignored when received
 *   u16 extension bytes
 *   u32 group            Raft group; 0 when the frame concerns none
 *   extensions           {u8 tag, u8 length, value}*: epoch (1), trace id (2), deadline (3) are reserved;
 *                        a receiver skips them all by the field above, so a newer sender may add any (R7)
 *   payload
 *
 * The checksum covers headers and small payloads whole. What is larger (entries, snapshot chunks) carries
 * checksums of its own, made once where it was made; checking it again here would cost both ends a pass over
 * all data. Forwarded commands have none before the leader puts them into an entry: they are covered whole.
 */
import { assert } from '../lib/assert.ts'
import { writeU16, writeU32 } from '../lib/bytes.ts'
import { crc32 } from '../lib/crc32.ts'
import { limits } from '../protocol/limits.ts'
import { FrameType } from './types.ts'

/** Frame types of the connection itself; they never reach the transport's user. */
export const LinkFrame = {
  ping: 1,
  pong: 2,
  hello: 3,
  welcome: 4,
  proof: 5,
  refused: 6,
  /** A hello sent again because it changed. */
  update: 7,
} as const

/** Types from here on belong to the transport's users. */
export const USER_FRAME_MIN = 16

export const FRAME_HEADER_SIZE = 16
/** Bytes of the header that `length` does not count. */
export const LENGTH_SIZE = 4
/** Where the checksummed bytes begin. */
export const CHECKED_FROM = 8
const CHECKED_BYTES = 4_096

/** How many bytes from CHECKED_FROM on the checksum of a frame of `size` bytes covers. */
export function checkedSize(type: number, size: number): number {
  const all = size - CHECKED_FROM
  return type === FrameType.forward ? all : Math.min(all, CHECKED_BYTES)
}

const SLAB_BYTES = 32 * 1024
/** A frame up to this size is copied into the slab whole. */
const COPIED_FRAME_BYTES = 8 * 1024
/** In a larger frame, chunks up to this size are copied, the others go by reference. */
const COPIED_CHUNK_BYTES = 1024

/**
 * Turns frames into as few byte ranges as it can: small frames and chunks are copied into a slab that is
 * filled once and then left to the garbage collector; large chunks pass by reference and must not change
 * after the call.
 */
export class FrameWriter {
  readonly #out: (bytes: Buffer) => void
  #slab: Buffer = Buffer.alloc(0)
  #used = 0
  /** Where the bytes begin that were copied and not yet handed over. */
  #runFrom = 0

  constructor(out: (bytes: Buffer) => void) {
    this.#out = out
  }

  /** `payloadSize` is the sum of the chunks' lengths. Returns the size of the frame. */
  write(type: number, group: number, chunks: readonly Buffer[], payloadSize: number): number {
    const size = FRAME_HEADER_SIZE + payloadSize
    assert(
      size <= limits.frameBytes,
      () => `Cannot send a frame of ${size} bytes: the limit is ${limits.frameBytes}`,
    )
    if (size <= COPIED_FRAME_BYTES) this.#writeSmall(type, group, chunks, size)
    else this.#writeLarge(type, group, chunks, size)
    return size
  }

  #writeSmall(type: number, group: number, chunks: readonly Buffer[], size: number): void {
    const at = this.#reserve(size)
    writeHeader(this.#slab, at, { type, group, size })
    let offset = at + FRAME_HEADER_SIZE
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i] as Buffer
      chunk.copy(this.#slab, offset)
      offset += chunk.length
    }
    const from = at + CHECKED_FROM
    const checksum = crc32(this.#slab.subarray(from, from + checkedSize(type, size)), size - LENGTH_SIZE)
    writeU32(this.#slab, at + LENGTH_SIZE, checksum)
    this.#flushRun()
  }

  #writeLarge(type: number, group: number, chunks: readonly Buffer[], size: number): void {
    const at = this.#reserve(FRAME_HEADER_SIZE)
    writeHeader(this.#slab, at, { type, group, size })
    writeU32(this.#slab, at + LENGTH_SIZE, this.#checksumOf(at, type, chunks, size))
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i] as Buffer
      if (chunk.length <= COPIED_CHUNK_BYTES) {
        // Reserve first: it may replace the slab.
        const offset = this.#reserve(chunk.length)
        chunk.copy(this.#slab, offset)
        continue
      }
      this.#flushRun()
      this.#out(chunk)
    }
    this.#flushRun()
  }

  /** Over the header in the slab at `at` and as much of the chunks as is covered. */
  #checksumOf(at: number, type: number, chunks: readonly Buffer[], size: number): number {
    let checksum = crc32(this.#slab.subarray(at + CHECKED_FROM, at + FRAME_HEADER_SIZE), size - LENGTH_SIZE)
    let left = checkedSize(type, size) - (FRAME_HEADER_SIZE - CHECKED_FROM)
    for (let i = 0; i < chunks.length && left > 0; i++) {
      const chunk = chunks[i] as Buffer
      checksum = crc32(chunk.length > left ? chunk.subarray(0, left) : chunk, checksum)
      left -= chunk.length
    }
    return checksum
  }

  /** Where the next `size` bytes of the run go; a full slab hands over its run and is replaced. */
  #reserve(size: number): number {
    if (this.#used + size > this.#slab.length) {
      this.#flushRun()
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
      this.#runFrom = 0
    }
    const at = this.#used
    this.#used += size
    return at
  }

  #flushRun(): void {
    if (this.#runFrom === this.#used) return
    this.#out(this.#slab.subarray(this.#runFrom, this.#used))
    this.#runFrom = this.#used
  }
}

function writeHeader(into: Buffer, at: number, frame: { type: number; group: number; size: number }): void {
  writeU32(into, at, frame.size - LENGTH_SIZE)
  into[at + 8] = frame.type
  into[at + 9] = 0
  writeU16(into, at + 10, 0)
  writeU32(into, at + 12, frame.group)
}
