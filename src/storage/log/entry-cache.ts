/**
 * The newest entries of one group in memory. Invariant: holds a suffix of the log, [first, last], where last
 * is the log's last entry; what is not durable yet is always in it.
 */
import { must } from '../../lib/assert.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { Index } from '../../raft/types.ts'

/** Forgotten slots at the head are cut off when there are this many. */
const HEAD_MAX = 256

/** The caches of all groups together. */
export class CacheMeter {
  bytes = 0
}

export class EntryCache {
  readonly #meter: CacheMeter
  #entries: Entry[] = []
  /** Slots before it are forgotten. */
  #head = 0
  #bytes = 0

  constructor(meter: CacheMeter) {
    this.#meter = meter
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The first index held; Infinity when none is. */
  get first(): Index {
    return this.#entries[this.#head]?.index ?? Number.POSITIVE_INFINITY
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.#grow(entry.frame.length)
  }

  /** Forgets `from` and everything after it. */
  truncate(from: Index): void {
    while (this.#entries.length > this.#head) {
      const last = must(this.#entries.at(-1), 'entry')
      if (last.index < from) return
      this.#entries.pop()
      this.#grow(-last.frame.length)
    }
    this.clear()
  }

  /** Forgets everything before `index`. */
  dropBefore(index: Index): void {
    while (this.first < index) this.dropFirst()
  }

  /** Forgets the oldest entry. */
  dropFirst(): void {
    this.#grow(-must(this.#entries[this.#head], 'entry').frame.length)
    this.#head++
    if (this.#head === this.#entries.length) this.clear()
    else if (this.#head >= HEAD_MAX && this.#head * 2 >= this.#entries.length) this.#cutHead()
  }

  clear(): void {
    this.#entries = []
    this.#head = 0
    this.#grow(-this.#bytes)
  }

  /** Entries [low, high), all held; at most maxBytes but at least one. */
  slice(low: Index, high: Index, maxBytes: number): readonly Entry[] {
    return sliceEntries(this.#entries, this.#head + low - this.first, high - low, maxBytes)
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    this.#meter.bytes += bytes
  }

  #cutHead(): void {
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}

/** `count` entries from `start` on, as far as they exist: at most maxBytes but at least one. */
export function sliceEntries(
  entries: readonly Entry[],
  start: number,
  count: number,
  maxBytes: number,
): readonly Entry[] {
  let end = start
  let bytes = 0
  while (end < entries.length && end - start < count) {
    bytes += must(entries[end], 'entry').frame.length
    if (end > start && bytes > maxBytes) break
    end++
  }
  return entries.slice(start, end)
}
