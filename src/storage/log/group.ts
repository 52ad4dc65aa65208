/**
 * One group's face of the log: appends go to the gathering and are visible at once; reads come from the
 * cache, from fetched windows, or from disk. Every change is made to the in-memory state and written as a
 * frame in the same order, so that a replay of the frames gives the same state.
 */
import { assert, must } from '../../lib/assert.ts'
import { type Entry, entryGroup } from '../../protocol/entry.ts'
import type { HardState, Index, SnapshotMeta, Term } from '../../raft/types.ts'
import type { Callback } from '../disk.ts'
import type { Appender, Batch } from './batch.ts'
import { type CacheMeter, EntryCache } from './entry-cache.ts'
import { LogError } from './errors.ts'
import { Fetcher, type SegmentReader } from './fetcher.ts'
import { HARD_STATE_SIZE } from './format.ts'
import type { GroupState } from './group-state.ts'
import type { InstallRecord, LogGroup } from './types.ts'

/** Bytes of the small records that go with an append or an install. */
const RECORDS_BYTES = 2 * HARD_STATE_SIZE

/** What a group needs of the log. */
export interface GroupHost extends SegmentReader {
  readonly folder: string
  readonly cacheMeter: CacheMeter
  /** The gathering that takes `bytes` more. */
  gathering(bytes: number): Batch
  /** The oldest segment that holds an entry still needed, over all groups. */
  oldestNeeded(): number
  /** The group's cache grew. */
  cacheGrew(): void
  /** Runs `fn` in a later turn. */
  defer(fn: () => void): void
  fatal(error: Error): void
}

export class GroupLog implements LogGroup, Appender {
  readonly state: GroupState
  readonly #host: GroupHost
  readonly #cache: EntryCache
  readonly #fetcher: Fetcher
  /** First indexes of the appends that are not durable yet, in order. */
  readonly #unsynced: Index[] = []
  #snapshotProvider: () => SnapshotMeta | null = () => null
  #onFetched: () => void = () => undefined

  constructor(state: GroupState, host: GroupHost) {
    this.state = state
    this.#host = host
    this.#cache = new EntryCache(host.cacheMeter)
    this.#fetcher = new Fetcher(state, host)
  }

  setSnapshotProvider(provider: () => SnapshotMeta | null): void {
    this.#snapshotProvider = provider
  }

  onFetched(handler: () => void): void {
    this.#onFetched = handler
  }

  snapshot(): SnapshotMeta | null {
    return this.#snapshotProvider()
  }

  firstIndex(): Index {
    return this.state.compactIndex + 1
  }

  lastIndex(): Index {
    return this.state.lastIndex
  }

  term(index: Index): Term | null {
    return this.state.term(index)
  }

  get cacheBytes(): number {
    return this.#cache.bytes + this.#fetcher.bytes
  }

  entries(low: Index, high: Index, maxBytes: number): readonly Entry[] | 'compacted' | 'pending' {
    if (low < this.firstIndex()) return 'compacted'
    if (low >= high || low > this.lastIndex()) return []
    const found = this.#inMemory(low, high, maxBytes)
    if (found !== null) return found
    if (!this.#fetcher.isFetching(low)) this.#fetch(low, high, maxBytes, this.#fetched)
    return 'pending'
  }

  read(low: Index, high: Index, maxBytes: number, done: Callback<readonly Entry[]>): void {
    assert(
      low < high && low <= this.lastIndex(),
      () => `Cannot read entry ${low}: last is ${this.lastIndex()}`,
    )
    if (low < this.firstIndex()) {
      const what = `entry ${low} of group ${this.state.id} is compacted`
      this.#host.defer(() => done(new LogError('COMPACTED', this.#host.folder, 0, what), []))
      return
    }
    const found = this.#inMemory(low, high, maxBytes)
    if (found !== null) this.#host.defer(() => done(null, found))
    else {
      this.#fetch(low, high, maxBytes, (error, entries) => {
        if (error !== null) this.#reportDamage(error)
        done(error, entries)
      })
    }
  }

  append(entries: readonly Entry[], hardState: HardState | null, done: () => void): void {
    let bytes = RECORDS_BYTES
    for (const entry of entries) bytes += entry.frame.length
    const batch = this.#host.gathering(bytes)
    if (entries.length > 0) this.#take(entries, batch)
    if (hardState !== null) this.#setHardState(hardState, batch)
    batch.dones.push(done)
    if (entries.length > 0) this.#host.cacheGrew()
  }

  compact(index: Index): void {
    const { state } = this
    if (index <= state.compactIndex) return
    const term = state.term(index)
    assert(term !== null, () => `Cannot compact to ${index}: last is ${state.lastIndex}`)
    assert(this.#isDurable(index), () => `Cannot compact to ${index}: it is not durable`)
    state.compact(index, term)
    this.#cache.dropBefore(index + 1)
    this.#fetcher.dropBefore(index + 1)
    const batch = this.#host.gathering(RECORDS_BYTES)
    batch.records.compaction(state.id, index, term)
    batch.keep(state)
    batch.retireBelow = this.#host.oldestNeeded()
  }

  install(record: InstallRecord, hardState: HardState, done: () => void): void {
    const { state } = this
    const { index, term } = record
    assert(
      index >= state.compactIndex,
      () => `Cannot install at ${index}: compacted to ${state.compactIndex}`,
    )
    const batch = this.#host.gathering(RECORDS_BYTES + record.manifest.length)
    const voids = state.term(index) !== term
    batch.records.install(state.id, record, voids)
    state.startInstall(record, voids)
    if (voids) {
      this.#cache.clear()
      this.#fetcher.clear()
    }
    this.#setHardState(hardState, batch)
    batch.retireBelow = this.#host.oldestNeeded()
    batch.dones.push(done)
  }

  installed(index: Index): void {
    const batch = this.#host.gathering(RECORDS_BYTES)
    batch.records.installed(this.state.id, index)
    this.state.endInstall(index)
    batch.keep(this.state)
  }

  appendDurable(): void {
    this.#unsynced.shift()
  }

  /** Forgets the oldest cached entry if it is durable; the value says whether it did. */
  evict(): boolean {
    const { first } = this.#cache
    if (first === Number.POSITIVE_INFINITY) return false
    if (!this.#isDurable(first)) return false
    this.#cache.dropFirst()
    return true
  }

  #isDurable(index: Index): boolean {
    for (const first of this.#unsynced) if (first <= index) return false
    return true
  }

  #take(entries: readonly Entry[], batch: Batch): void {
    const { state } = this
    const { index } = must(entries[0], 'first entry')
    if (index <= state.lastIndex) this.#truncate(index)
    for (const entry of entries) {
      assert(entryGroup(entry.frame) === state.id, 'An entry is appended to the log of its group')
      state.append(entry.term, entry.index, entry.frame.length)
      this.#cache.push(entry)
    }
    batch.addEntries(this, entries)
    this.#unsynced.push(index)
  }

  /** Raft 5.3: only entries that conflict with the leader's go, and committed ones never do. */
  #truncate(from: Index): void {
    const { commitIndex } = this.state.hardState
    assert(from > commitIndex, () => `Cannot replace entry ${from}: committed up to ${commitIndex}`)
    this.#cache.truncate(from)
    this.#fetcher.truncate(from)
  }

  #setHardState(hardState: HardState, batch: Batch): void {
    const { state } = this
    const { term, votedFor, commitIndex } = hardState
    assert(term >= state.hardState.term, () => `Term falls from ${state.hardState.term} to ${term}`)
    assert(commitIndex <= state.lastIndex, () => `Commit index ${commitIndex} is beyond ${state.lastIndex}`)
    state.hardState = { term, votedFor, commitIndex }
    batch.records.hardState(state.id, state.hardState)
    batch.keep(state)
  }

  #inMemory(low: Index, high: Index, maxBytes: number): readonly Entry[] | null {
    if (low >= this.#cache.first) return this.#cache.slice(low, high, maxBytes)
    return this.#fetcher.find(low, high, maxBytes)
  }

  /** What is not in the cache is durable, hence on disk. */
  #fetch(low: Index, high: Index, maxBytes: number, done: Callback<readonly Entry[]>): void {
    const end = Math.min(high, this.lastIndex() + 1, this.#cache.first)
    this.#fetcher.fetch(low, end, maxBytes, done)
  }

  readonly #fetched: Callback<readonly Entry[]> = (error) => {
    if (error !== null) this.#reportDamage(error)
    this.#onFetched()
  }

  /**
   * Entries that went meanwhile are no damage: the caller finds them compacted, or asks for what replaced
   * them.
   */
  #reportDamage(error: Error): void {
    if (error instanceof LogError && error.code === 'COMPACTED') return
    this.#host.fatal(error)
  }
}
