/**
 * The pinned snapshots of one node (listing.ts): a read that is confirmed like any other, then a pin of the state it
 * would have seen, or of a later one, at the end of an entry.
 */

import { recordRange, userKeyOf } from '../../engine/keys.ts'
import { kvCommand } from '../../engine/kv.ts'
import { itemOf } from '../../engine/kv-item.ts'
import { KeyRecord } from '../../engine/records.ts'
import type { Engine } from '../../engine/types.ts'
import { fromByteString, toByteString } from '../../lib/bytes.ts'
import { errorCode } from '../../lib/coded-error.ts'
import type { Command } from '../../protocol/commands.ts'
import { decodeKvReply, isKvFailure } from '../../protocol/kv-reply.ts'
import { limits } from '../../protocol/limits.ts'
import type { PinnedState, Row, ScanRange, Store } from '../../storage/store/types.ts'
import type { ExecuteDone, ExecuteOptions } from '../execute.ts'
import type {
  ListingEntry,
  ListingPage,
  PageOptions,
  PinnedSnapshot,
  SnapshotDone,
  SnapshotOptions,
} from './listing.ts'

/** Reads nothing: its reply has the time and says that the state may be read. */
const NOTHING = { compares: [], then: [], otherwise: [], idempotency: null }

export interface ListingsOptions {
  readonly engine: Engine
  readonly store: Pick<Store, 'pin'>
  readonly execute: (command: Command, options: ExecuteOptions, done: ExecuteDone) => void
  /** Calls `done` at the end of an entry; with false when that does not come in time. */
  readonly atBoundary: (deadlineMs: number, done: (inTime: boolean) => void) => void
}

export class Listings {
  readonly #options: ListingsOptions
  #open = 0

  constructor(options: ListingsOptions) {
    this.#options = options
  }

  /** Snapshots that are open. */
  get size(): number {
    return this.#open
  }

  open(options: SnapshotOptions, done: SnapshotDone): void {
    if (this.#open >= limits.openSnapshots) return done(null, 'OVERLOADED')
    this.#open++
    const refuse: SnapshotDone = (_none, error) => {
      this.#open--
      done(null, error)
    }
    const { database, deadlineMs } = options
    this.#options.execute(kvCommand(database, NOTHING), options, ({ reply, error }) => {
      const decoded = decodeKvReply(reply)
      if (error !== null || isKvFailure(decoded)) return refuse(null, error ?? 'INTERNAL')
      this.#options.atBoundary(deadlineMs, (inTime) => {
        if (inTime) done(this.#pin(database, decoded.timeMs), null)
        else refuse(null, 'BEHIND')
      })
    })
  }

  #pin(database: number, readMs: number): PinnedSnapshot {
    const { engine, store } = this.#options
    const pinned = store.pin()
    const timeMs = Math.max(readMs, engine.stampMs)
    const physicalDatabase = engine.physicalDatabase(database)
    let isOpen = true
    return {
      revision: engine.revision,
      timeMs,
      page: (page, done) => new Page(page, timeMs).read(pinned, physicalDatabase, done),
      release: () => {
        if (!isOpen) return
        isOpen = false
        this.#open--
        pinned.release()
      },
    }
  }
}

/** One page while it is read. */
class Page {
  readonly #options: PageOptions
  readonly #timeMs: number
  readonly #entries: ListingEntry[] = []
  #bytes = 0
  #next: Buffer | null = null

  constructor(options: PageOptions, timeMs: number) {
    this.#options = options
    this.#timeMs = timeMs
  }

  read(
    pinned: PinnedState,
    physicalDatabase: number,
    done: (page: ListingPage | 'gone' | 'damaged') => void,
  ): void {
    pinned.scan(this.#range(physicalDatabase), this.#visit, (error) => {
      if (error === null) return done({ entries: this.#entries, next: this.#next })
      const code = errorCode(error)
      done(code === 'GONE' || code === 'CLOSED' ? 'gone' : 'damaged')
    })
  }

  #range(physicalDatabase: number): ScanRange {
    const { from, to, reverse } = this.#options
    const range = recordRange(physicalDatabase, toByteString(from))
    if (to === null) return { ...range, reverse }
    return { from: range.from, to: recordRange(physicalDatabase, toByteString(to)).from, reverse }
  }

  readonly #visit = ({ key: physicalKey, value: bytes }: Row): boolean => {
    const record = new KeyRecord(bytes)
    if (record.expiresAt !== 0 && record.expiresAt <= this.#timeMs) return true
    const key = userKeyOf(physicalKey)
    if (this.#isFull) {
      this.#next = this.#options.reverse ? successor(key) : key
      return false
    }
    const { keysOnly } = this.#options
    this.#entries.push({ key, item: itemOf(record, !keysOnly) })
    this.#bytes += key.length + (keysOnly ? 0 : record.value.length)
    return true
  }

  get #isFull(): boolean {
    const count = this.#entries.length
    const { limit, maxBytes } = this.#options
    return count >= Math.min(limit, limits.pageKeys) || (count > 0 && this.#bytes >= maxBytes)
  }
}

/** The lowest key above `key`: the exclusive bound that includes it. */
function successor(key: Buffer): Buffer {
  return fromByteString(`${toByteString(key)}\0`)
}
