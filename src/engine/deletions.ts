/**
 * What was deleted lately, so that EXEC notices that a key which was absent when it was watched came and went since
 * (R14): comparing modRevisions alone, absent = 0, would not. Replicated state, bounded: what it has forgotten counts
 * as changed, which costs a client one more try and never a lost update.
 */
import type { ByteReader } from '../lib/byte-reader.ts'
import type { ByteWriter } from '../lib/byte-writer.ts'
import type { ByteString } from '../lib/bytes.ts'
import { DATABASE_COUNT } from './databases.ts'

/** Deletions remembered, beside one flush or exchange of each database. */
const CAPACITY = 4_096

export class RecentDeletions {
  /** Oldest first: hash of the physical key, modRevision of the record that was deleted. */
  #ring: { readonly hash: number; readonly modRevision: number }[] = []
  /** By hash, the highest modRevision in the ring. Two keys of one hash are taken for one another: a false alarm. */
  readonly #newest = new Map<number, number>()
  /** Absences that were seen before this revision cannot be judged any more. */
  #judgedFrom = 0
  /** The same of each logical database: the revision with which it was emptied or exchanged last. */
  readonly #remappedAt: number[] = new Array(DATABASE_COUNT).fill(0)

  /** A record last changed at `modRevision` was deleted. */
  note(physicalKey: ByteString, modRevision: number): void {
    const hash = hashOf(physicalKey)
    this.#ring.push({ hash, modRevision })
    this.#newest.set(hash, Math.max(modRevision, this.#newest.get(hash) ?? 0))
    if (this.#ring.length >= 2 * CAPACITY) this.#forgetOldest()
  }

  /** All of `database` came or went with the change of this revision: what was in it meanwhile is not known. */
  noteDatabase(database: number, revision: number): void {
    this.#remappedAt[database] = revision
  }

  /** True when the key of `database`, absent at `revision` and now, was there in between, or that is not known. */
  cameAndWent(database: number, physicalKey: ByteString, revision: number): boolean {
    if (revision < this.#judgedFrom || revision < (this.#remappedAt[database] as number)) return true
    return (this.#newest.get(hashOf(physicalKey)) ?? 0) > revision
  }

  save(writer: ByteWriter): void {
    writer.u64(this.#judgedFrom)
    writer.u32(this.#ring.length)
    for (const { hash, modRevision } of this.#ring) {
      writer.u32(hash)
      writer.u64(modRevision)
    }
    for (const revision of this.#remappedAt) writer.u64(revision)
  }

  /** `version` is that of the whole state: before 3, databases were not told apart. */
  load(reader: ByteReader, version: number): void {
    this.#judgedFrom = reader.u64()
    this.#ring = []
    for (let left = reader.u32(); left > 0; left--) {
      this.#ring.push({ hash: reader.u32(), modRevision: reader.u64() })
    }
    for (let database = 0; database < DATABASE_COUNT; database++) {
      this.#remappedAt[database] = version < 3 ? this.#judgedFrom : reader.u64()
    }
    this.#index()
  }

  #forgetOldest(): void {
    for (const { modRevision } of this.#ring.splice(0, CAPACITY)) {
      this.#judgedFrom = Math.max(this.#judgedFrom, modRevision)
    }
    this.#index()
  }

  #index(): void {
    this.#newest.clear()
    for (const { hash, modRevision } of this.#ring) {
      this.#newest.set(hash, Math.max(modRevision, this.#newest.get(hash) ?? 0))
    }
  }
}

/** FNV-1a, 32 bits. */
function hashOf(key: ByteString): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
