/**
 * One gathering: what the next write makes durable. It knows the frames, where its entries must be placed
 * once its position in the log is known, what it changes in the state that segments repeat, and whom to tell.
 */
import { must } from '../../lib/assert.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { Index } from '../../raft/types.ts'
import type { SlabPool } from './frame-buffer.ts'
import type { GroupState, Kept } from './group-state.ts'
import { RecordWriter } from './records.ts'

/** Who appended entries. */
export interface Appender {
  readonly state: GroupState
  /** The oldest of its appends that was not durable is. */
  appendDurable(): void
}

/** The entries of one append: contiguous indexes, contiguous bytes. */
interface EntryRun {
  readonly appender: Appender
  readonly firstIndex: Index
  readonly count: number
  /** Offset of the first one from the batch's first frame. */
  readonly position: number
}

export class Batch {
  readonly records: RecordWriter
  /** Callbacks of the appends, in order. */
  readonly dones: (() => void)[] = []
  readonly runs: EntryRun[] = []
  /** Frame sizes of all entries, in the order of `runs`. */
  readonly #sizes: number[] = []
  /** Kept state of groups as of the end of this batch. */
  readonly kept = new Map<GroupState, Kept>()
  /** Segments below this number are not needed any more once this batch is durable. */
  retireBelow = 0
  /** The segment it was written to. */
  segment = 0
  /** 0: not raised by this batch. */
  engineLevel = 0

  constructor(pool: SlabPool) {
    this.records = new RecordWriter(pool)
  }

  get bytes(): number {
    return this.records.frames.bytes
  }

  /** Adds the frames of `entries` (at least one). */
  addEntries(appender: Appender, entries: readonly Entry[]): void {
    const { index } = must(entries[0], 'first entry')
    this.runs.push({ appender, firstIndex: index, count: entries.length, position: this.bytes })
    for (const entry of entries) {
      this.records.frames.add(entry.frame)
      this.#sizes.push(entry.frame.length)
    }
  }

  /** Records the state of `group` as it is now: everything before is in this batch or an earlier one. */
  keep(group: GroupState): void {
    this.kept.set(group, group.kept())
  }

  /** Tells the index where the entries lie: the first frame begins at `offset` of segment `segment`. */
  place(segment: number, offset: number): void {
    let next = 0
    for (const run of this.runs) {
      let at = offset + run.position
      const index = run.appender.state.entries
      const { first, last } = index
      for (let i = 0; i < run.count; i++) {
        // An entry that a later append or install has taken back meanwhile is not in the index.
        const entry = run.firstIndex + i
        if (entry >= first && entry <= last) index.place(entry, segment, at)
        at += must(this.#sizes[next++], 'size')
      }
    }
  }
}
