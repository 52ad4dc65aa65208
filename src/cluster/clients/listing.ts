/** What doors see of listings: one moment of the keyspace, kept while other pages of it are asked for. */
import type { ErrorCode } from '../../protocol/errors.ts'
import type { KvItem } from '../../protocol/kv-reply.ts'
import type { ExecuteOptions } from '../execute.ts'

export interface SnapshotOptions extends ExecuteOptions {
  readonly database: number
}

/**
 * A range of keys in byte order. A prefix is the range up to the next prefix. At least one entry comes, unless there is
 * none; then as many as fit.
 */
export interface PageOptions {
  /** Inclusive. */
  readonly from: Buffer
  /** Exclusive; null = no bound. */
  readonly to: Buffer | null
  /** From the highest key down: `next` is then the new `to`. */
  readonly reverse: boolean
  /** 1 to limits.pageKeys. */
  readonly limit: number
  /** Bytes of keys and values at which the page ends (with the entry that reaches it). */
  readonly maxBytes: number
  /** Items come without values. They are read all the same: a record lies in one piece. */
  readonly keysOnly: boolean
}

export interface ListingEntry {
  readonly key: Buffer
  /** A view of stored bytes: encode it at once, or copy it. */
  readonly item: KvItem
}

export interface ListingPage {
  readonly entries: readonly ListingEntry[]
  /** The bound that continues the listing: `from` of the next page (`to` when in reverse); null = it is complete. */
  readonly next: Buffer | null
}

/**
 * The keyspace of one database as it was at `revision`. It holds memory and files until release(), and may be gone
 * before: when this node's state is replaced by a snapshot, or when what is held becomes too much (limits.ts).
 */
export interface PinnedSnapshot {
  readonly revision: number
  /** Keys due at this time (ms since 1970) are left out. */
  readonly timeMs: number
  /** 'gone': the snapshot ended. 'damaged': its files cannot be read. `done` is called once, in a later turn. */
  page(options: PageOptions, done: (page: ListingPage | 'gone' | 'damaged') => void): void
  /** Idempotent. A page under way still comes. */
  release(): void
}

/** The snapshot, or why there is none. */
export type SnapshotDone = (snapshot: PinnedSnapshot | null, error: ErrorCode | null) => void
