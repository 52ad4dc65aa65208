/**
 * What the log offers the replica: one write-ahead log per node for all groups (R5, R6, R9). Appends are
 * gathered while a write is in flight; one write plus one fdatasync makes the whole gathering durable.
 */
import type { Clock } from '../../lib/clock.ts'
import type { Histogram } from '../../lib/histogram.ts'
import type { Random } from '../../lib/random.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { HardState, Index, LogReader, SnapshotMeta, Term } from '../../raft/types.ts'
import type { Callback, Disk } from '../disk.ts'
import type { Jobs } from '../jobs.ts'

/** R10 step 2: written before a snapshot replaces the store; a start that finds it redoes the rest. */
export interface InstallRecord {
  readonly index: Index
  readonly term: Term
  /** The manifest to install, verbatim: names the files and carries applied index and meta. */
  readonly manifest: Buffer
}

export interface LogGroup extends LogReader {
  /** Entries [low, high) read back from disk when they are not in memory; at least one, at most maxBytes. */
  read(low: Index, high: Index, maxBytes: number, done: Callback<readonly Entry[]>): void
  /**
   * Appends to the gathering: entries (they replace everything from entries[0].index on) and, when not null,
   * the hard state. `done` runs when they are durable; calls complete in order. Errors never come back: a
   * failed sync ends the process through onFatal (R6). Visible in entries() and term() at once.
   */
  append(entries: readonly Entry[], hardState: HardState | null, done: () => void): void
  /** Entries up to `index` are not needed any more (the caller applied R9); frees segments when it can. */
  compact(index: Index): void
  /**
   * R10 step 2: durable record. Visible at once, like an append: unless the log holds (index, term) its entries are
   * void and it begins at index + 1. Durable on `done`.
   */
  install(record: InstallRecord, hardState: HardState, done: () => void): void
  /** R10 after step 3: the record is obsolete once the manifest is durable. */
  installed(index: Index): void
  /** Supplies LogReader.snapshot(); without a provider there is none. */
  setSnapshotProvider(provider: () => SnapshotMeta | null): void
  /** Called, in a later turn, when entries that entries() answered 'pending' for can be asked for again. */
  onFetched(handler: () => void): void
}

/** What a start found for one group. */
export interface RecoveredGroup {
  readonly hardState: HardState
  /** The newest install record that is not yet marked installed, or null. */
  readonly install: InstallRecord | null
}

export interface LogStatus {
  /** Milliseconds since the sync in flight began; 0 when none is. */
  readonly syncAgeMs: number
  readonly syncBytes: number
  /** Bytes gathered and not yet being written. */
  readonly pendingBytes: number
  /** Bytes of log between first and last index over all groups. */
  readonly logBytes: number
  readonly segments: number
  readonly syncs: number
  readonly bytesWritten: number
  /** Segments ready to be written to, in bytes (the reserve of R6 counts). */
  readonly preparedBytes: number
  /** True while a segment could not be prepared for lack of space; it is tried again by timer (R6). */
  readonly spaceShort: boolean
  /** Bytes of entries held in memory, over all groups. */
  readonly cacheBytes: number
}

export interface Log {
  group(id: number): LogGroup
  recovered(id: number): RecoveredGroup
  /** True while a write is in flight, or a gathering waits for a segment. */
  readonly busy: boolean
  /**
   * Called at the end of a turn: starts writing the gathering unless a write is in flight (then it follows by
   * itself).
   */
  flush(): void
  status(): LogStatus
  /** Seconds per write and sync of a batch. */
  readonly syncDurations: Histogram
  /** Bytes of `group`'s log from `index` on (for R9's bounds). */
  bytesSince(group: number, index: Index): number
  /** The engine level this log was raised to (R7): 1 for a new one. */
  readonly engineLevel: number
  /**
   * R7: remembers a level that a committed entry raised; a program that does not know it refuses to open this
   * log.
   */
  raiseEngineLevel(level: number): void
  /** Completes what is in flight and closes the files. */
  close(done: () => void): void
}

export interface LogOptions {
  readonly folder: string
  readonly disk: Disk
  readonly jobs: Jobs
  readonly clock: Clock
  readonly random: Random
  /** Called when a log write or sync failed, or damage was found: the process must end (R6). */
  readonly onFatal: (error: Error) => void
  /** Test overrides; default: protocol/limits.ts. */
  readonly segmentBytes?: number
  readonly entryCacheBytes?: number
  readonly batchBytes?: number
  /**
   * The highest engine level this program knows; a log that was raised above it is refused (R7). Default: no
   * bound.
   */
  readonly engineLevelMax?: number
}
