/**
 * The log as the core sees it: the durable part behind a LogReader and, above it, the tail that is in memory only.
 *
 *     durable (reader)            in memory
 *   ... stableIndex | stableIndex + 1 ... takenIndex | ... lastIndex
 *                                  handed to the host    not yet
 *
 * Invariants: applied <= commitIndex <= lastIndex; stableIndex <= takenIndex <= lastIndex; nothing at or below
 * commitIndex is ever replaced. After a truncation the disk may hold more than stableIndex for a while: whatever is
 * above stableIndex is asked from memory only, so the old suffix is invisible.
 */
import { assert, must } from '../lib/assert.ts'
import type { Entry } from '../protocol/entry.ts'
import { EntryKind } from '../protocol/entry.ts'
import type { Index, LogReader, SnapshotMeta, Term } from './types.ts'

const NO_ENTRIES: readonly Entry[] = []

export class RaftLog {
  readonly #reader: LogReader
  #stableIndex: Index
  #tail: Entry[] = []
  #takenIndex: Index
  #commitIndex: Index
  #appliedIndex: Index
  /** Configuration entries above the applied index, ascending. */
  readonly #configs: Index[] = []
  /** What was in the log at the start, up to here, may be configuration entries. */
  #unknownTo: Index
  /** The commit index that is on disk. */
  #durableCommit: Index
  /** The last term while a snapshot is on its way: the reader may have replaced its log already. */
  #frozenTerm: Term | null = null
  /** Told of every truncation: nothing from `index` on that was handed out before is attested by its write any more. */
  readonly #onTruncate: (index: Index) => void

  constructor(
    reader: LogReader,
    start: { commitIndex: Index; appliedIndex: Index },
    onTruncate: (index: Index) => void,
  ) {
    this.#reader = reader
    this.#onTruncate = onTruncate
    this.#stableIndex = reader.lastIndex()
    this.#takenIndex = this.#stableIndex
    this.#unknownTo = this.#stableIndex
    this.#appliedIndex = start.appliedIndex
    this.#commitIndex = Math.max(start.commitIndex, start.appliedIndex)
    this.#durableCommit = this.#commitIndex
    assert(this.#commitIndex <= this.#stableIndex, () => this.#lost(this.#commitIndex))
    assert(
      start.appliedIndex >= reader.firstIndex() - 1,
      () => `Applied index ${start.appliedIndex} is before the log's first index ${reader.firstIndex()}`,
    )
  }

  get commitIndex(): Index {
    return this.#commitIndex
  }

  get appliedIndex(): Index {
    return this.#appliedIndex
  }

  /** Everything up to here is on this node's disk and part of its log. */
  get stableIndex(): Index {
    return this.#stableIndex
  }

  get lastIndex(): Index {
    return this.#stableIndex + this.#tail.length
  }

  get lastTerm(): Term {
    if (this.#frozenTerm !== null) return this.#frozenTerm
    return must(this.term(this.lastIndex), 'term of the last entry')
  }

  get stableTerm(): Term {
    return must(this.term(this.#stableIndex), 'term of the last durable entry')
  }

  firstIndex(): Index {
    return this.#reader.firstIndex()
  }

  snapshot(): SnapshotMeta | null {
    return this.#reader.snapshot()
  }

  /** The term of `index`; null when it is compacted or beyond the end. */
  term(index: Index): Term | null {
    if (index <= this.#stableIndex) return this.#reader.term(index)
    return this.#tail[index - this.#stableIndex - 1]?.term ?? null
  }

  matchTerm(index: Index, term: Term): boolean {
    return this.term(index) === term
  }

  /** Raft 5.4.1: is a log that ends with (lastIndex, lastTerm) at least as complete as this one? */
  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    const ours = this.lastTerm
    return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex)
  }

  /**
   * Entries may be sent up to here: usually before they are durable here (Raft thesis 10.2.1). While a configuration
   * entry waits, only what is durable: if this node crashed, someone who is no voter any more could be left with the
   * longest log and refuse everyone else.
   */
  get sendableTo(): Index {
    return this.hasPendingConfig ? this.#stableIndex : this.lastIndex
  }

  /** Entries from `low` on, at most `maxBytes` but at least one; none when `low` is beyond the end. */
  entries(low: Index, maxBytes: number): readonly Entry[] | 'compacted' | 'pending' {
    if (low > this.lastIndex) return NO_ENTRIES
    if (low <= this.#stableIndex) return this.#reader.entries(low, this.#stableIndex + 1, maxBytes)
    const from = low - this.#stableIndex - 1
    let to = from
    let bytes = 0
    while (to < this.#tail.length) {
      bytes += (this.#tail[to] as Entry).frame.length
      if (to > from && bytes > maxBytes) break
      to++
    }
    return this.#tail.slice(from, to)
  }

  /** The leader's own entry; it extends the log. */
  append(entry: Entry): void {
    assert(
      entry.index === this.lastIndex + 1,
      () => `Entry is ${entry.index}, expected ${this.lastIndex + 1}`,
    )
    assert(entry.term >= this.lastTerm, () => `Entry term is ${entry.term}, the log is at ${this.lastTerm}`)
    this.#push(entry)
  }

  /**
   * Raft 5.3, the receiver's side: entries that follow (prevIndex, prevTerm). Null when that point is not in this
   * log; else the index of the last entry, up to which the log now equals the sender's.
   */
  appendAfter(prevIndex: Index, prevTerm: Term, entries: readonly Entry[]): Index | null {
    if (!this.matchTerm(prevIndex, prevTerm)) return null
    let at = 0
    while (at < entries.length && this.#holds(entries[at] as Entry)) at++
    if (at < entries.length) this.#replaceFrom(entries, at)
    return prevIndex + entries.length
  }

  #holds(entry: Entry): boolean {
    return entry.index <= this.lastIndex && this.matchTerm(entry.index, entry.term)
  }

  #replaceFrom(entries: readonly Entry[], at: number): void {
    const from = (entries[at] as Entry).index
    assert(from > this.#commitIndex, () => `Entry ${from} conflicts with committed ${this.#commitIndex}`)
    if (from <= this.lastIndex) this.#truncate(from)
    for (let i = at; i < entries.length; i++) this.#push(entries[i] as Entry)
  }

  #push(entry: Entry): void {
    this.#tail.push(entry)
    if (entry.kind === EntryKind.config) this.#configs.push(entry.index)
  }

  #truncate(from: Index): void {
    if (from <= this.#stableIndex) {
      this.#tail = []
      this.#stableIndex = from - 1
    } else {
      this.#tail.length = from - this.#stableIndex - 1
    }
    this.#takenIndex = Math.min(this.#takenIndex, from - 1)
    this.#unknownTo = Math.min(this.#unknownTo, from - 1)
    while ((this.#configs.at(-1) ?? 0) >= from) this.#configs.pop()
    this.#onTruncate(from)
  }

  /**
   * Where the logs may still agree: the highest index at or below `index` whose term is at most `term`, with its term
   * (0 when it is compacted). One probe then skips a whole term instead of one entry.
   */
  findConflict(index: Index, term: Term): { index: Index; term: Term } {
    let at = Math.min(index, this.lastIndex)
    for (; at > 0; at--) {
      const ours = this.term(at)
      if (ours === null) return { index: at, term: 0 }
      if (ours <= term) return { index: at, term: ours }
    }
    return { index: 0, term: 0 }
  }

  /** Marks entries up to `index` as committed; never goes back. */
  commitTo(index: Index): void {
    if (index <= this.#commitIndex) return
    assert(index <= this.lastIndex, () => this.#lost(index))
    this.#commitIndex = index
  }

  /** Raft 5.4.2: a leader commits by counting only what carries its own term. True when the commit index moved. */
  commitInTerm(index: Index, term: Term): boolean {
    if (index <= this.#commitIndex || !this.matchTerm(index, term)) return false
    this.commitTo(index)
    return true
  }

  appliedTo(index: Index): void {
    assert(index >= this.#appliedIndex, () => `Applied index ${index} is below ${this.#appliedIndex}`)
    assert(index <= this.applicable(), () => `Applied index ${index} is beyond ${this.applicable()}`)
    this.#appliedIndex = index
    while (this.#configs.length > 0 && (this.#configs[0] as Index) <= index) this.#configs.shift()
  }

  /**
   * Committed and on this disk: the state machine can never be ahead of the durable log. A configuration entry must
   * also be known as committed on this disk: a node that counted by it once never counts by the one before again.
   */
  applicable(): Index {
    const index = Math.min(this.#commitIndex, this.#stableIndex)
    const config = this.configAfter(this.#durableCommit, index)
    return config === null ? index : config - 1
  }

  /** The first index in (after, to] that is or may be a configuration entry not yet applied, or null. */
  configAfter(after: Index, to: Index): Index | null {
    const from = Math.max(after, this.#appliedIndex) + 1
    if (from <= Math.min(to, this.#unknownTo)) return from
    for (const index of this.#configs) if (index >= from) return index <= to ? index : null
    return null
  }

  /** The commit index on disk is `index`; it never falls. */
  commitDurable(index: Index): void {
    if (index > this.#durableCommit) this.#durableCommit = index
  }

  /** A committed configuration entry may be waiting to be applied here. */
  get hasUnappliedConfig(): boolean {
    return this.configAfter(0, this.#commitIndex) !== null
  }

  /** A configuration entry, committed or not, may be waiting to be applied here. */
  get hasPendingConfig(): boolean {
    return this.configAfter(0, this.lastIndex) !== null
  }

  get hasUntaken(): boolean {
    return this.#takenIndex < this.lastIndex
  }

  /** The entries not yet handed to the host; from now on they are. */
  take(): readonly Entry[] {
    if (!this.hasUntaken) return NO_ENTRIES
    const entries = this.#tail.slice(this.#takenIndex - this.#stableIndex)
    this.#takenIndex = this.lastIndex
    return entries
  }

  /** Everything up to `index` is durable: the reader has it, memory lets go of it. */
  stableTo(index: Index): void {
    if (index <= this.#stableIndex) return
    assert(
      index <= this.#takenIndex,
      () => `Entry ${index} is durable but was only taken to ${this.#takenIndex}`,
    )
    this.#tail.splice(0, index - this.#stableIndex)
    this.#stableIndex = index
  }

  /**
   * From here until thaw() or restore() nothing is appended, and votes are judged by the log as it was: the host may
   * put a snapshot into the reader at any moment before it says so.
   */
  freeze(): void {
    this.#frozenTerm = this.lastTerm
  }

  thaw(): void {
    this.#frozenTerm = null
  }

  /** The whole log has been replaced by a snapshot that is durable. */
  restore(meta: SnapshotMeta): void {
    assert(
      meta.index > this.#commitIndex,
      () => `Snapshot ${meta.index} is behind commit ${this.#commitIndex}`,
    )
    this.#onTruncate(0)
    this.thaw()
    this.#tail = []
    this.#stableIndex = meta.index
    this.#takenIndex = meta.index
    this.#unknownTo = 0
    this.#configs.length = 0
    this.#durableCommit = meta.index
    this.#commitIndex = meta.index
    this.#appliedIndex = meta.index
    assert(this.#reader.term(meta.index) === meta.term, 'The durable log was not restored to the snapshot')
  }

  #lost(index: Index): string {
    return `Entry ${index} is committed, but this log ends at ${this.lastIndex}: acknowledged data was lost here`
  }
}
