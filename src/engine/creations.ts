/**
 * When keys came into being lately, so that EXEC can tell that a key which was absent when it was watched never came
 * since, whatever was deleted or flushed meanwhile. Replicated state, bounded: keys share buckets by their hash. A
 * bucket tells its newest key from the others; of those it knows only the latest time, and takes a key for one that
 * came when two others of its bucket did: that costs a client one more try and never a lost update.
 */
import type { ByteReader } from '../lib/byte-reader.ts'
import type { ByteWriter } from '../lib/byte-writer.ts'
import type { ByteString } from '../lib/bytes.ts'
import { DATABASE_COUNT } from './databases.ts'
import { RECORD_PREFIX_SIZE } from './keys.ts'

const BUCKETS = 4_096

export class RecentCreations {
  /** By bucket: the hash of the key that came last, */
  readonly #hash = new Uint32Array(BUCKETS)
  /** the revision with which it came, */
  readonly #newest = new Float64Array(BUCKETS)
  /** and the highest one of the keys that stood there before it. */
  readonly #others = new Float64Array(BUCKETS)
  /** By logical database, the revision at which it was exchanged last: keys came that were made long before. */
  readonly #swappedAt = new Float64Array(DATABASE_COUNT)
  /** What happened up to this revision is not known. */
  #judgedFrom = Number.POSITIVE_INFINITY

  /** The cluster remembers from this revision on. */
  begin(revision: number): void {
    this.#hash.fill(0)
    this.#newest.fill(0)
    this.#others.fill(0)
    this.#swappedAt.fill(0)
    this.#judgedFrom = revision
  }

  /** Nothing is known: the cluster does not remember yet. */
  forget(): void {
    this.#judgedFrom = Number.POSITIVE_INFINITY
  }

  /** A key of this creationHash(), absent or due before, has a record since `revision`. */
  note(hash: number, revision: number): void {
    const bucket = hash & (BUCKETS - 1)
    if (this.#hash[bucket] !== hash) {
      this.#others[bucket] = this.#newest[bucket] as number
      this.#hash[bucket] = hash
    }
    this.#newest[bucket] = revision
  }

  noteSwap(database: number, revision: number): void {
    this.#swappedAt[database] = revision
  }

  /** True when it is certain that the key of `database`, absent at `revision`, did not come since. */
  neverSince(database: number, physicalKey: ByteString, revision: number): boolean {
    if (revision < this.#judgedFrom || revision < (this.#swappedAt[database] as number)) return false
    const hash = creationHash(database, physicalKey)
    const bucket = hash & (BUCKETS - 1)
    const latest = this.#hash[bucket] === hash ? this.#newest : this.#others
    return (latest[bucket] as number) <= revision
  }

  save(writer: ByteWriter): void {
    writer.u64(this.#judgedFrom)
    for (const revision of this.#swappedAt) writer.u64(revision)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      writer.u32(this.#hash[bucket] as number)
      writer.u64(this.#newest[bucket] as number)
      writer.u64(this.#others[bucket] as number)
    }
  }

  load(reader: ByteReader): void {
    this.#judgedFrom = reader.u64()
    for (let database = 0; database < DATABASE_COUNT; database++) this.#swappedAt[database] = reader.u64()
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#hash[bucket] = reader.u32()
      this.#newest[bucket] = reader.u64()
      this.#others[bucket] = reader.u64()
    }
  }
}

/** FNV-1a over a key as clients know it, 32 bits: a flush changes what it is in the store. */
export function creationHash(database: number, physicalKey: ByteString): number {
  let hash = Math.imul(0x811c9dc5 ^ database, 0x01000193)
  for (let i = RECORD_PREFIX_SIZE; i < physicalKey.length; i++) {
    hash = Math.imul(hash ^ physicalKey.charCodeAt(i), 0x01000193)
  }
  return (hash ^ (hash >>> 16)) >>> 0
}
