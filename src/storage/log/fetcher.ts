/**
 * Entries of one group that are read back from disk: for a follower that lags behind the cache, and for apply
 * after a start. One read gives entries that lie in one segment; each is verified by its own checksum. What
 * was read stays for the next entries() call in a few windows, one per reader that is likely to come back.
 */
import { must } from '../../lib/assert.ts'
import { decodeEntry, type Entry, entryGroup } from '../../protocol/entry.ts'
import type { Index } from '../../raft/types.ts'
import type { Callback } from '../disk.ts'
import { sliceEntries } from './entry-cache.ts'
import { LogError } from './errors.ts'
import type { GroupState } from './group-state.ts'
import type { Segment } from './segment.ts'

const WINDOWS_MAX = 8
const WINDOW_BYTES_MAX = 8 * 1024 * 1024
/** Bytes of the file read for entries of maxBytes: between them lie frames of others. */
const SPAN_FACTOR = 2

/** The segments, as the fetcher needs them. */
export interface SegmentReader {
  segment(number: number): Segment
  /** A read of a segment ended: it may be waited for. */
  readDone(segment: Segment): void
}

interface Window {
  readonly first: Index
  readonly last: Index
  readonly entries: readonly Entry[]
  readonly bytes: number
}

interface Fetch {
  readonly low: Index
  readonly waiting: Callback<readonly Entry[]>[]
}

export class Fetcher {
  readonly #state: GroupState
  readonly #reader: SegmentReader
  #windows: Window[] = []
  #fetches: Fetch[] = []

  constructor(state: GroupState, reader: SegmentReader) {
    this.#state = state
    this.#reader = reader
  }

  get bytes(): number {
    let bytes = 0
    for (const window of this.#windows) bytes += window.bytes
    return bytes
  }

  /** Entries from `low` on that were fetched before, or null. The window found is the last to be replaced. */
  find(low: Index, high: Index, maxBytes: number): readonly Entry[] | null {
    const at = this.#windows.findIndex(({ first, last }) => low >= first && low <= last)
    if (at < 0) return null
    const window = must(this.#windows[at], 'window')
    this.#windows.splice(at, 1)
    this.#windows.push(window)
    return sliceEntries(window.entries, low - window.first, high - low, maxBytes)
  }

  isFetching(low: Index): boolean {
    return this.#fetches.some((fetch) => fetch.low === low)
  }

  /** Entries [low, high) from disk: at least one, at most maxBytes. All of them are placed and durable. */
  fetch(low: Index, high: Index, maxBytes: number, done: Callback<readonly Entry[]>): void {
    const running = this.#fetches.find((fetch) => fetch.low === low)
    if (running !== undefined) {
      running.waiting.push(done)
      return
    }
    const fetch: Fetch = { low, waiting: [done] }
    this.#fetches.push(fetch)
    const segment = this.#reader.segment(this.#state.entries.segment(low))
    const end = this.#endOfRead(low, high, maxBytes)
    const start = this.#state.entries.offset(low)
    const last = end - 1
    const bytes = this.#state.entries.offset(last) + this.#state.entries.size(last) - start
    segment.readers++
    segment.file.read(start, bytes, (error, read) => {
      segment.readers--
      this.#reader.readDone(segment)
      this.#complete(fetch, error, () => this.#decode(segment, low, end, start, read))
    })
  }

  /** Entries from `from` on were replaced. */
  truncate(from: Index): void {
    this.#windows = this.#windows.filter((window) => window.last < from)
  }

  /** Entries before `index` are compacted. */
  dropBefore(index: Index): void {
    this.#windows = this.#windows.filter((window) => window.last >= index)
  }

  clear(): void {
    this.#windows = []
  }

  #endOfRead(low: Index, high: Index, maxBytes: number): Index {
    const { entries } = this.#state
    const start = entries.offset(low)
    const limit = Math.min(high, entries.endOfSegment(low))
    let bytes = entries.size(low)
    let end = low + 1
    for (; end < limit; end++) {
      bytes += entries.size(end)
      const span = entries.offset(end) + entries.size(end) - start
      if (bytes > maxBytes || span > maxBytes * SPAN_FACTOR) break
    }
    return end
  }

  #complete(fetch: Fetch, error: Error | null, decode: () => readonly Entry[]): void {
    this.#fetches = this.#fetches.filter((other) => other !== fetch)
    let failure = error
    let entries: readonly Entry[] = []
    try {
      if (failure === null) entries = decode()
    } catch (thrown) {
      if (!(thrown instanceof LogError)) throw thrown
      failure = thrown
    }
    if (failure === null) this.#remember(entries)
    for (const done of fetch.waiting) done(failure, entries)
  }

  #decode(segment: Segment, low: Index, end: Index, start: number, bytes: Buffer): readonly Entry[] {
    const out: Entry[] = []
    const { entries } = this.#state
    for (let index = low; index < end; index++) {
      // Replaced or compacted while the read was under way: the caller asks again for what is there now.
      if (this.#state.term(index) === null || index < entries.first) break
      if (entries.segment(index) !== segment.number) break
      const at = entries.offset(index) - start
      if (at < 0 || at + entries.size(index) > bytes.length) break
      out.push(this.#verified(segment, bytes, at, start + at, index))
    }
    if (out.length > 0) return out
    throw new LogError(
      'COMPACTED',
      segment.file.path,
      start,
      `entry ${low} of group ${this.#state.id} is gone`,
    )
  }

  #verified(segment: Segment, bytes: Buffer, at: number, offset: number, index: Index): Entry {
    const entry = decodeEntry(bytes, at)
    const group = this.#state.id
    if (entry !== null && entry.index === index && entry.term === this.#state.term(index)) {
      if (entryGroup(entry.frame) === group) return entry
    }
    throw new LogError('CORRUPT', segment.file.path, offset, `entry ${index} of group ${group} is damaged`)
  }

  #remember(entries: readonly Entry[]): void {
    let bytes = 0
    for (const entry of entries) bytes += entry.frame.length
    const first = must(entries[0], 'entry').index
    this.#windows.push({ first, last: first + entries.length - 1, entries, bytes })
    while (this.#windows.length > 1) {
      if (this.#windows.length <= WINDOWS_MAX && this.bytes <= WINDOW_BYTES_MAX) return
      this.#windows.shift()
    }
  }
}
