/**
 * What the store offers the replica and the engine: an ordered map of bytes to bytes for one shard,
 * log-structured, whose write-ahead log is the Raft log. Keys are ByteStrings (one code unit per byte,
 * compared as bytes).
 */
import type { ByteString } from '../../lib/bytes.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Callback, Disk } from '../disk.ts'
import type { Jobs } from '../jobs.ts'

/**
 * Thrown by StateView.get and range when the answer needs a block that is not in memory. A singleton, no
 * stack.
 */
export class MissError extends Error {
  override readonly name = 'MissError'
}
MissError.prototype.stack = ''
export const MISS = new MissError('Record is not in memory')

export interface Row {
  readonly key: ByteString
  readonly value: Buffer
}

/** Synchronous reads of the newest state. A buffer given out stays valid and unchanged. */
export interface StateView {
  /** The value, or null when absent; throws MISS. */
  get(key: ByteString): Buffer | null
  /**
   * Rows with from <= key < to (to = null: no bound), in order, at most `limit`; throws MISS, also when too
   * many deleted records lie between them for one turn.
   */
  range(from: ByteString, to: ByteString | null, limit: number): Row[]
}

/**
 * What fetch() holds in memory until it is released; also protects against eviction between fetch and retry.
 */
export interface Pin {
  release(): void
}

/** Where seek() leads: about `rows` rows from here on are one choice. */
export interface Place {
  readonly from: ByteString
  readonly rows: number
}

/** A range of keys: [from, to), to = null: no bound. `reverse`: from the highest key down. */
export interface ScanRange {
  readonly from: ByteString
  readonly to: ByteString | null
  readonly reverse: boolean
}

/** Gets the rows of a scan one by one; false ends it. A value stays valid and unchanged. */
export type VisitRow = (row: Row) => boolean

/** The state as it was at one entry. Ends by itself when the state is replaced or when too much is held. */
export interface PinnedState {
  /** `done` gets null at the end, or GONE or CORRUPT. Slices and loads lie between the rows. */
  scan(range: ScanRange, visit: VisitRow, done: Callback): void
  /** Idempotent. */
  release(): void
}

export interface SnapshotFile {
  readonly name: string
  readonly size: number
}

/** A held manifest version: its files are not removed until release(). */
export interface StoreSnapshot {
  readonly index: number
  readonly term: number
  /** Manifest bytes, to be installed verbatim by a receiver. */
  readonly manifest: Buffer
  readonly files: readonly SnapshotFile[]
  release(): void
}

export interface StoreStatus {
  readonly memtableBytes: number
  readonly sealedMemtables: number
  readonly tables: number
  readonly tableBytes: number
  readonly tableEntries: number
  readonly sortedRuns: number
  readonly cacheBytes: number
  /** Lookups of blocks that were in the cache, and that were not. */
  readonly cacheHits: number
  readonly cacheMisses: number
  readonly indexBytes: number
  /** Flushes and compactions that came to their end. */
  readonly flushes: number
  readonly compactions: number
  readonly bytesFlushed: number
  readonly bytesCompacted: number
  readonly jobFailures: number
  /** Files of a snapshot that was received, whole or in part, and is not installed. */
  readonly receivedFiles: number
  /** Pinned states, and the memory that only they still hold. */
  readonly pins: number
  readonly pinnedBytes: number
}

export interface Store extends StateView {
  /**
   * Applied index and term of the durable manifest (0, 0 for a new store), and the replica's meta stored with
   * it.
   */
  readonly manifestIndex: number
  readonly manifestTerm: number
  readonly manifestMeta: Buffer

  /** null deletes. Belongs to the entry being applied; visible to get() at once. */
  put(key: ByteString, value: Buffer | null): void
  /**
   * Removes every key in [from, to) when compaction comes by; the caller guarantees it never reads there
   * again.
   */
  dropRange(from: ByteString, to: ByteString): void
  /**
   * Ends the entry being applied: all state up to `index` is now one cut. Seals and flush cuts happen only
   * here.
   */
  endEntry(index: number, term: number): void

  /**
   * Loads what get() on these keys needs; then get() on them does not throw until the pin is released. A
   * memtable written after the call still stands before what was loaded (R2).
   */
  fetch(keys: readonly ByteString[], done: Callback<Pin>): void
  /** Range read that loads what it needs. The answer is one cut: the state at the moment `done` is called. */
  fetchRange(from: ByteString, to: ByteString | null, limit: number, done: Callback<Row[]>): void

  /**
   * A place within [from, to) that `fraction`, in [0, 1), chooses: rows count about alike. Null when there is nothing;
   * what is found there may be deleted.
   */
  seek(from: ByteString, to: ByteString, fraction: number): Place | null

  /** Pins the state of the last ended entry; not inside an entry. */
  pin(): PinnedState

  /** True when the memtable should be sealed (size, or `logBytes` of log since the manifest; R9). */
  shouldSeal(logBytes: number): boolean
  /**
   * True when sealed memtables wait for their flush and another seal must wait: the caller stops applying.
   */
  readonly stalled: boolean
  /** Seals the memtable at the last ended entry; `meta` is stored in the manifest that follows its flush. */
  seal(meta: Buffer): void
  /** R6: while on (space is short), what was deleted is merged away at once, at the price of more rewriting. */
  reclaim(on: boolean): void
  /**
   * Called whenever a durable manifest has a new applied index (R9: log up to there may go, minus the
   * window). Not for install(): its own callback says so.
   */
  onManifest(handler: (index: number) => void): void

  /** Holds the newest durable manifest and its files. */
  snapshot(): StoreSnapshot
  /** Reads `length` bytes of a held file. */
  readFile(name: string, offset: number, length: number, done: Callback<Buffer>): void
  /**
   * Begins or resumes the transfer of a snapshot: names and sizes of its files that are complete here. They
   * are kept until install() or the next call; what was received for another snapshot is removed.
   */
  filesPresent(manifest: Buffer, done: Callback<readonly SnapshotFile[]>): void
  /** Appends a received chunk to a file in transfer; offset must be its current size, or 0 to begin again. */
  receive(name: string, offset: number, bytes: Buffer, done: Callback): void
  /** R10 step 1: verifies size and checksums, syncs the received files and the folder. */
  receiveComplete(manifest: Buffer, done: Callback): void
  /** Removes what was received: it will not be installed. Not between receiveComplete() and its answer. */
  discardReceived(): void
  /**
   * R10 step 3: replaces the manifest and the whole in-memory state; old files go afterwards. Pins end;
   * nothing may be put until `done`. On an error the old state stands and may be kept or the install tried
   * again.
   */
  install(manifest: Buffer, done: Callback): void

  status(): StoreStatus
  close(done: () => void): void
}

export interface StoreOptions {
  readonly folder: string
  readonly disk: Disk
  /** Must be able to run storeJobs (jobs.ts). */
  readonly jobs: Jobs
  /** For slices of long ranges and for trying failed jobs again. */
  readonly clock: Clock
  /** Prefix of file names made here, unique across nodes (peer id and incarnation as hex). */
  readonly filePrefix: string
  /**
   * A manifest that an unfinished install record names (R10): its files are kept and it is installed first.
   */
  readonly pendingInstall: Buffer | null
  /**
   * The store cannot go on and the process must end: whether a manifest is durable is not known. A start
   * finds either manifest, each with all its files.
   */
  readonly onFatal: (error: Error) => void
  readonly log?: (level: 'info' | 'warn', message: string, fields?: Record<string, unknown>) => void
  /** Defaults: protocol/limits.ts. */
  readonly memtableBytes?: number | undefined
  readonly memtableLogBytes?: number | undefined
  readonly blockCacheBytes?: number | undefined
  /** Memory that pinned states may hold on to. */
  readonly pinnedBytes?: number | undefined
  /** Size at which a table file is ended; default half a memtable, at least 1 MiB. */
  readonly tableBytes?: number | undefined
}
