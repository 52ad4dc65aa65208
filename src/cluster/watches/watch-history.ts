/**
 * The recent committed changes of this node's state, oldest first, in a bounded number of bytes: flat chunks that no
 * object per event stands for. The same on every node but for where it begins: after a restart at the manifest's
 * revision (replay fills it), after an install at the snapshot's.
 *
 * Event, 8-byte aligned:  0  4  size in bytes with padding     16  8  revision
 *                         4  1  kind (position in KINDS)       24  4  sub
 *                         5  1  database                       28  4  bytes of padding at the end
 *                         6  1  the other database             32  -  key, record, padding
 *                         8  4  key length
 */
import type { KeyChange } from '../../engine/effects.ts'
import { itemOf } from '../../engine/kv-item.ts'
import { KeyRecord } from '../../engine/records.ts'
import { must } from '../../lib/assert.ts'
import { align8, readU32, readU64, writeU32, writeU64 } from '../../lib/bytes.ts'
import type { WatchEvent } from './watch.ts'
import type { IndexedEvent } from './watch-index.ts'

const HEADER_SIZE = 32
const KINDS = ['put', 'delete', 'expire', 'flush', 'swap'] as const
const CHUNK_MIN = 16 * 1024
const CHUNK_MAX = 1024 * 1024
/** Chunks that a full history has, unless they would be larger than CHUNK_MAX. */
const CHUNKS_AIM = 64
const SHORT_BYTES = 64
const NOTHING = Buffer.alloc(0)

/** A stretch of events; a chunk that left the history is evicted and empty. */
export interface HistoryChunk {
  /** Grows from chunk to chunk. */
  readonly number: number
  bytes: Buffer
  used: number
  lastRevision: number
  lastSub: number
  next: HistoryChunk | null
  isEvicted: boolean
}

/** Where an event lies. */
export interface HistoryPlace {
  readonly chunk: HistoryChunk
  readonly at: number
}

export class WatchHistory {
  readonly #limit: number
  readonly #chunkSize: number
  #oldest: HistoryChunk | null = null
  #newest: HistoryChunk | null = null
  #newestAt = 0
  /** Memory of an evicted chunk of usual size, for the next one. */
  #spare: Buffer | null = null
  /** How much shared memory may still be made. */
  #unshared: number
  /** Bytes of memory that the chunks take. */
  #bytes = 0
  #nextNumber = 0
  #revision = 0
  /** The last event that is not here any more; all of a revision is gone when its sub is infinite. */
  #floorRevision = 0
  #floorSub = Number.POSITIVE_INFINITY

  /** Holds at most `limitBytes`, but always the newest event. */
  constructor(limitBytes: number) {
    this.#limit = limitBytes
    this.#unshared = limitBytes
    this.#chunkSize = Math.max(CHUNK_MIN, Math.min(CHUNK_MAX, Math.floor(limitBytes / CHUNKS_AIM)))
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Everything up to this revision was appended. */
  get revision(): number {
    return this.#revision
  }

  /** The lowest revision of which it can be said what came after it. */
  get oldestRevision(): number {
    return this.#floorRevision
  }

  /** Forgets everything: the state is that of `revision` now. */
  reset(revision: number): void {
    for (let chunk = this.#oldest; chunk !== null; chunk = chunk.next) evict(chunk)
    this.#oldest = null
    this.#newest = null
    this.#bytes = 0
    this.#revision = revision
    this.#floorRevision = revision
    this.#floorSub = Number.POSITIVE_INFINITY
  }

  /** Everything of `revision` was appended. */
  advance(revision: number): void {
    this.#revision = revision
  }

  /** Where the newest event lies; there must be one. */
  get newest(): HistoryPlace {
    return { chunk: must(this.#newest, 'newest chunk'), at: this.#newestAt }
  }

  /** Copies the change in. */
  append(change: KeyChange, revision: number): void {
    const isWhole = 'other' in change
    const key = isWhole ? NOTHING : change.key
    const record = isWhole ? NOTHING : (change.record ?? NOTHING)
    const exact = HEADER_SIZE + key.length + record.length
    const size = align8(exact)
    const chunk = this.#roomFor(size)
    const { bytes, used: at } = chunk
    writeU32(bytes, at, size)
    bytes[at + 4] = KINDS.indexOf(change.kind)
    bytes[at + 5] = change.database
    bytes[at + 6] = isWhole ? change.other : change.database
    writeU32(bytes, at + 8, key.length)
    writeU64(bytes, at + 16, revision)
    writeU32(bytes, at + 24, change.sub)
    writeU32(bytes, at + 28, size - exact)
    copyShort(key, bytes, at + HEADER_SIZE)
    if (record.length > 0) bytes.set(record, at + HEADER_SIZE + key.length)
    chunk.used = at + size
    chunk.lastRevision = revision
    chunk.lastSub = change.sub
    this.#newestAt = at
  }

  /** True when events behind (revision, sub) are gone. */
  isBelow(revision: number, sub: number): boolean {
    return revision < this.#floorRevision || (revision === this.#floorRevision && sub < this.#floorSub)
  }

  /** A place at or before the first event behind (revision, sub); null when there is none yet. */
  seek(revision: number, sub: number): HistoryPlace | null {
    for (let chunk = this.#oldest; chunk !== null; chunk = chunk.next) {
      const { lastRevision, lastSub } = chunk
      if (lastRevision > revision || (lastRevision === revision && lastSub > sub)) return { chunk, at: 0 }
    }
    return null
  }

  /** A chunk with room for `size` bytes; old chunks go when the limit is reached. */
  #roomFor(size: number): HistoryChunk {
    const newest = this.#newest
    if (newest !== null && newest.used + size <= newest.bytes.length) return newest
    const chunkSize = Math.max(this.#chunkSize, size)
    while (this.#oldest !== null && this.#bytes + chunkSize > this.#limit) this.#evictOldest(this.#oldest)
    const bytes = this.#memory(chunkSize)
    const number = this.#nextNumber++
    const chunk = { number, bytes, used: 0, lastRevision: 0, lastSub: 0, next: null, isEvicted: false }
    if (this.#newest === null) this.#oldest = chunk
    else this.#newest.next = chunk
    this.#newest = chunk
    this.#bytes += chunkSize
    return chunk
  }

  /**
   * Shared memory does not count when V8 schedules collections; to it a history that grows would look like garbage. For
   * the same reason shared memory that is given up is collected late: only what fills the history once is shared.
   */
  #memory(size: number): Buffer {
    const spare = this.#spare
    if (spare?.length === size) {
      this.#spare = null
      return spare
    }
    if (size !== this.#chunkSize || size > this.#unshared) return Buffer.allocUnsafeSlow(size)
    this.#unshared -= size
    return Buffer.from(new SharedArrayBuffer(size))
  }

  #evictOldest(chunk: HistoryChunk): void {
    if (chunk.bytes.length === this.#chunkSize) this.#spare = chunk.bytes
    this.#floorRevision = chunk.lastRevision
    this.#floorSub = chunk.lastSub
    this.#bytes -= chunk.bytes.length
    this.#oldest = chunk.next
    if (this.#oldest === null) this.#newest = null
    evict(chunk)
  }
}

/** A native copy costs more than a short loop. */
function copyShort(from: Buffer, to: Buffer, at: number): void {
  if (from.length > SHORT_BYTES) to.set(from, at)
  else for (let i = 0; i < from.length; i++) to[at + i] = from[i] as number
}

/** Watchers that still stand here must not hold its memory. */
function evict(chunk: HistoryChunk): void {
  chunk.isEvicted = true
  chunk.bytes = NOTHING
}

/** The place behind an event, or null at the end of the history. */
export function placeAfter({ chunk, at }: HistoryPlace): HistoryPlace | null {
  const next = at + readU32(chunk.bytes, at)
  if (next < chunk.used) return { chunk, at: next }
  return chunk.next === null ? null : { chunk: chunk.next, at: 0 }
}

export function isBefore(a: HistoryPlace, b: HistoryPlace): boolean {
  return a.chunk.number < b.chunk.number || (a.chunk.number === b.chunk.number && a.at < b.at)
}

/** Databases and key of an event, before it is built; the key is null for flush and swap. */
export function eventKeyAt({ chunk: { bytes }, at }: HistoryPlace): IndexedEvent {
  const kind = KINDS[bytes[at + 4] as number]
  const start = at + HEADER_SIZE
  const isWhole = kind === 'flush' || kind === 'swap'
  return {
    database: bytes[at + 5] as number,
    other: bytes[at + 6] as number,
    key: isWhole ? null : bytes.subarray(start, start + readU32(bytes, at + 8)),
  }
}

export function revisionAt({ chunk, at }: HistoryPlace): number {
  return readU64(chunk.bytes, at + 16)
}

/** What a watcher asks of an event before it is built. */
export interface EventFilter {
  readonly database: number
  readonly from: Buffer
  readonly to: Buffer | null
  /** Events up to this one were seen. */
  readonly after: number
  readonly afterSub: number
}

/** True when the event concerns the watcher. */
export function passes({ chunk: { bytes }, at }: HistoryPlace, filter: EventFilter): boolean {
  const revision = readU64(bytes, at + 16)
  if (revision < filter.after) return false
  if (revision === filter.after && readU32(bytes, at + 24) <= filter.afterSub) return false
  const { database } = filter
  if (bytes[at + 5] !== database && bytes[at + 6] !== database) return false
  const kind = KINDS[bytes[at + 4] as number]
  if (kind === 'flush' || kind === 'swap') return true
  const start = at + HEADER_SIZE
  const end = start + readU32(bytes, at + 8)
  if (bytes.compare(filter.from, 0, filter.from.length, start, end) < 0) return false
  return filter.to === null || bytes.compare(filter.to, 0, filter.to.length, start, end) < 0
}

/** Bytes of key and record: what an event counts for in a batch. */
export function sizeAt({ chunk: { bytes }, at }: HistoryPlace): number {
  return readU32(bytes, at) - readU32(bytes, at + 28) - HEADER_SIZE
}

/** The event; its buffers are views of the history. */
export function eventAt({ chunk: { bytes }, at }: HistoryPlace): WatchEvent {
  const kind = KINDS[bytes[at + 4] as number] as WatchEvent['kind']
  const start = at + HEADER_SIZE
  const keyEnd = start + readU32(bytes, at + 8)
  const end = at + readU32(bytes, at) - readU32(bytes, at + 28)
  return {
    revision: readU64(bytes, at + 16),
    sub: readU32(bytes, at + 24),
    kind,
    database: bytes[at + 5] as number,
    other: bytes[at + 6] as number,
    key: kind === 'flush' || kind === 'swap' ? null : bytes.subarray(start, keyEnd),
    item: end === keyEnd ? null : itemOf(new KeyRecord(bytes.subarray(keyEnd, end)), true),
  }
}
