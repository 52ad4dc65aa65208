/**
 * What the command in execution has changed and the store has not seen: rows by the overlay, flushed databases, deleted
 * records. commit() brings all of it to the store, rollBack() none of it (R2). Also counts what an entry writes (R20).
 */
import type { ByteString } from '../lib/bytes.ts'
import { limits } from '../protocol/limits.ts'
import { creationHash } from './creations.ts'
import { encodeExpiryValue, expiryRowKey } from './expiry-index.ts'
import { databaseRange, RECORD_PREFIX_SIZE } from './keys.ts'
import { Overlay } from './overlay.ts'
import type { Presence } from './presence.ts'
import type { KeyRecord } from './records.ts'
import type { EngineStore } from './types.ts'

/** One object serves all commands of an engine, one after the other. */
export class Staging {
  readonly #overlay = new Overlay()
  readonly #dropped: number[] = []
  /** Records deleted by this command: physical key and modRevision. */
  readonly #removed: { readonly key: ByteString; readonly modRevision: number }[] = []
  /** Keys that came into being with this command, by creationHash(). */
  readonly #created: number[] = []
  /** Bytes of records written in this entry, this command's included. */
  #writtenBytes = 0
  #committedBytes = 0

  /** An entry begins: what its commands write is counted anew. */
  beginEntry(): void {
    this.#writtenBytes = 0
    this.#committedBytes = 0
  }

  /** R20: the entry has written as much as one entry may. */
  get entryIsFull(): boolean {
    return this.#writtenBytes >= limits.entryWriteBytes
  }

  /** Rows and databases changed so far. */
  get size(): number {
    return this.#overlay.size + this.#dropped.length
  }

  /** The staged value, null = staged as deleted, undefined = not staged. */
  get(physicalKey: ByteString): Buffer | null | undefined {
    return this.#overlay.size === 0 ? undefined : this.#overlay.get(physicalKey)
  }

  /** A row that is no record; null takes it away. */
  setRow(physicalKey: ByteString, value: Buffer | null): void {
    this.#overlay.set(physicalKey, value)
    this.#writtenBytes += value?.length ?? 0
  }

  /** The key was absent, or due, and has a record now. */
  created(physicalKey: ByteString, database: number): void {
    this.#created.push(creationHash(database, physicalKey))
  }

  /** Puts `bytes` in the place of the record `before`; true when this command changed that row before. */
  setRecord(physicalKey: ByteString, before: KeyRecord | null, bytes: Buffer | null): boolean {
    const isRepeated = this.#overlay.set(physicalKey, bytes)
    this.#writtenBytes += bytes?.length ?? 0
    if (bytes === null && before !== null) {
      this.#removed.push({ key: physicalKey, modRevision: before.modRevision })
    }
    return isRepeated
  }

  /**
   * Moves the expiry row of a record; 0 = none. The row's value is the record's modRevision, so every change of a key
   * that expires rewrites it.
   */
  moveExpiry(physicalKey: ByteString, database: number, from: number, to: number, revision: number): void {
    const key = physicalKey.slice(RECORD_PREFIX_SIZE)
    if (from !== 0 && from !== to) this.#overlay.set(expiryRowKey(from, database, key), null)
    if (to !== 0) this.#overlay.set(expiryRowKey(to, database, key), encodeExpiryValue(revision))
  }

  /** Every row of a physical database goes. */
  drop(physicalDatabase: number): void {
    this.#dropped.push(physicalDatabase)
  }

  /** Writes everything to the store, each key once, and remembers which keys went and came with `revision`. */
  commit(store: EngineStore, presence: Presence, revision: number): void {
    this.#overlay.moveTo(store)
    for (const id of this.#dropped) {
      const range = databaseRange(id)
      store.dropRange(range.from, range.to)
    }
    // Setting a length costs, even one that is right.
    if (this.#dropped.length > 0) this.#dropped.length = 0
    this.#committedBytes = this.#writtenBytes
    if (this.#created.length > 0) {
      for (const hash of this.#created) presence.creations.note(hash, revision)
      this.#created.length = 0
    }
    if (this.#removed.length === 0) return
    for (const { key, modRevision } of this.#removed) presence.deletions.note(key, modRevision)
    this.#removed.length = 0
  }

  /** Forgets everything the command did. */
  rollBack(): void {
    this.#overlay.clear()
    this.#dropped.length = 0
    this.#removed.length = 0
    this.#created.length = 0
    this.#writtenBytes = this.#committedBytes
  }
}
