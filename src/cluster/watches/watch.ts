/** What doors see of watches: the committed changes of a range of keys, in order and without gaps. */
import type { KvItem } from '../../protocol/kv-reply.ts'

/** `after` and `afterSub` are those of the last event that was seen. */
export interface WatchOptions {
  readonly database: number
  /** Inclusive. */
  readonly from: Buffer
  /** Exclusive; null = no bound. One key is the range up to itself with a zero byte. */
  readonly to: Buffer | null
  /**
   * Events of higher revisions come. It may be above what this node has applied: the watch waits for it. To begin with
   * the present, take the revision of a reply or of position().
   */
  readonly after: number
  /** Of revision `after`, events with a higher sub-number come too; without it none do. */
  readonly afterSub?: number
}

/** Buffers are views of the history: encode them at once, and keep none. */
export interface WatchEvent {
  /** The revision of the command, and the event's place among those of the command, from 0. */
  readonly revision: number
  readonly sub: number
  /** `flush` and `swap` concern the database as a whole. A swap comes to the watchers of both databases. */
  readonly kind: 'put' | 'delete' | 'expire' | 'flush' | 'swap'
  readonly database: number
  /** The other database of a swap; else the same. */
  readonly other: number
  /** Null for flush and swap. */
  readonly key: Buffer | null
  /** What a put left there; else null. */
  readonly item: KvItem | null
}

/**
 * A place in the history of this node. Events are not kept for a watcher: it takes them from the history that all
 * share, and one that falls behind it is told 'compacted'.
 */
export interface Watch {
  /**
   * The next events: at most `maxEvents`, ending with the one that reaches `maxBytes` of keys and values. None: there
   * is nothing now, and `onReady` will be called when there may be. 'compacted': the history no longer reaches back to
   * where this watch stands; it is over.
   */
  take(maxEvents: number, maxBytes: number): readonly WatchEvent[] | 'compacted'
  /** Everything up to this revision was taken, or is of no concern: a safe `after` for resuming. */
  readonly revision: number
  /** Idempotent. */
  close(): void
}
