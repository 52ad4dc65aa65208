/**
 * Append-only memory for the records of one memtable, shared with the thread that flushes it. A record never
 * moves and never changes, so a view of it stays valid for as long as it is referenced. Records lie in order
 * of writing, chunk after chunk: of two records of a key the later one is the newer.
 *
 * Record (8-byte aligned):   0  8  version (log index of its entry)
 *                            8  4  key length
 *                           12  4  value length; 0xffffffff = the key is deleted
 *                           16  -  key, value, padding to 8
 *
 * A place is chunk * 2^22 + offset / 8: below 2^31, so that the key map holds small integers.
 */
import { assert, must } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { align8, readU32, readU64, writeU32, writeU64 } from '../../lib/bytes.ts'

const HEADER_SIZE = 16
const DELETED = 0xffffffff
const PLACE_BITS = 22
const PLACE_MASK = 2 ** PLACE_BITS - 1
const CHUNKS_MAX = 2 ** (31 - PLACE_BITS)
const CHUNK_MIN = 64 * 1024
const CHUNK_MAX = 4 * 1024 * 1024
/** A record above this size gets a chunk of its own; untouched ends of chunks take no memory. */
const OWN_CHUNK = CHUNK_MAX / 4
/** Below this length a loop over code units beats the call into native code. */
const SHORT_KEY = 48

/** One chunk as a job gets it: records lie back to back in the first `used` bytes. */
export interface ArenaChunk {
  readonly memory: SharedArrayBuffer
  readonly used: number
}

export class Arena {
  readonly #chunks: Buffer[] = []
  readonly #used: number[] = []
  /** Size of the next shared chunk. */
  #nextSize = CHUNK_MIN
  #bytes = 0

  /** Bytes of all records. */
  get bytes(): number {
    return this.#bytes
  }

  /** Copies the record in and returns its place; `value` null marks the key deleted. */
  append(version: number, key: ByteString, value: Buffer | null): number {
    const valueSize = value === null ? 0 : value.length
    const size = align8(HEADER_SIZE + key.length + valueSize)
    const index = this.#chunkFor(size)
    const chunk = must(this.#chunks[index], 'arena chunk')
    const offset = must(this.#used[index], 'arena fill')
    writeU64(chunk, offset, version)
    writeU32(chunk, offset + 8, key.length)
    writeU32(chunk, offset + 12, value === null ? DELETED : valueSize)
    writeKey(chunk, offset + HEADER_SIZE, key)
    if (value !== null) chunk.set(value, offset + HEADER_SIZE + key.length)
    this.#used[index] = offset + size
    this.#bytes += size
    return index * 2 ** PLACE_BITS + offset / 8
  }

  version(place: number): number {
    return readU64(this.#chunkOf(place), (place & PLACE_MASK) * 8)
  }

  /** A view of the value; null when the record marks its key deleted. */
  value(place: number): Buffer | null {
    return recordValue(this.#chunkOf(place), (place & PLACE_MASK) * 8)
  }

  /** The chunks for a job; nothing may be appended afterwards. */
  chunks(): ArenaChunk[] {
    return this.#chunks.map((chunk, i) => ({
      memory: chunk.buffer as SharedArrayBuffer,
      used: must(this.#used[i], 'arena fill'),
    }))
  }

  #chunkOf(place: number): Buffer {
    return this.#chunks[place >>> PLACE_BITS] as Buffer
  }

  /** Index of a chunk with room for `size` bytes. */
  #chunkFor(size: number): number {
    const last = this.#chunks.length - 1
    const current = this.#chunks[last]
    if (current !== undefined && must(this.#used[last], 'arena fill') + size <= current.length) return last
    if (size > OWN_CHUNK) return this.#addChunk(size)
    const chunkSize = Math.max(this.#nextSize, size)
    this.#nextSize = Math.min(2 * chunkSize, CHUNK_MAX)
    return this.#addChunk(chunkSize)
  }

  #addChunk(size: number): number {
    assert(this.#chunks.length < CHUNKS_MAX, () => `Memtable is over ${CHUNKS_MAX} chunks`)
    this.#chunks.push(Buffer.from(new SharedArrayBuffer(size)))
    this.#used.push(0)
    return this.#chunks.length - 1
  }
}

/** Size of the record at `offset` of a chunk, with padding: where the next one begins. */
export function recordSize(chunk: Buffer, offset: number): number {
  const valueSize = readU32(chunk, offset + 12)
  return align8(HEADER_SIZE + readU32(chunk, offset + 8) + (valueSize === DELETED ? 0 : valueSize))
}

export function recordVersion(chunk: Buffer, offset: number): number {
  return readU64(chunk, offset)
}

export function recordKey(chunk: Buffer, offset: number): ByteString {
  const start = offset + HEADER_SIZE
  return chunk.toString('latin1', start, start + readU32(chunk, offset + 8))
}

export function recordValue(chunk: Buffer, offset: number): Buffer | null {
  const size = readU32(chunk, offset + 12)
  if (size === DELETED) return null
  const start = offset + HEADER_SIZE + readU32(chunk, offset + 8)
  return chunk.subarray(start, start + size)
}

/** Writes the bytes of `key` at `offset`; the caller made room. */
export function writeKey(target: Buffer, offset: number, key: ByteString): void {
  if (key.length > SHORT_KEY) {
    target.write(key, offset, 'latin1')
    return
  }
  for (let i = 0; i < key.length; i++) target[offset + i] = key.charCodeAt(i)
}
