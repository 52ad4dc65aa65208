/**
 * One watch: a filter and where it stands. At the end of the history it is idle; somewhere back in it, it either waits
 * for the sweep to find its next event, or stands at one and takes from there.
 */
import { type ByteString, toByteString } from '../../lib/bytes.ts'
import type { Watch, WatchEvent, WatchOptions } from './watch.ts'
import {
  type EventFilter,
  eventAt,
  type HistoryPlace,
  passes,
  placeAfter,
  revisionAt,
  sizeAt,
  type WatchHistory,
} from './watch-history.ts'
import { databasePrefix, type IndexedWatch } from './watch-index.ts'

/** Events that one take() passes over without finding one; then the sweep looks on for it. */
const EXAMINED_MAX = 512
const NONE: readonly WatchEvent[] = []

type State = 'placed' | 'sweeping' | 'idle' | 'compacted' | 'closed'

/** What a watch asks of the hub. */
export interface WatchHost {
  readonly history: WatchHistory
  /** Calls onCalled() in a later turn. */
  call(watch: HistoryWatch): void
  /** Calls onEvent() or onSwept() in a later turn. */
  sweep(watch: HistoryWatch): void
  countIdle(change: 1 | -1): void
  forget(watch: HistoryWatch): void
}

export class HistoryWatch implements Watch, IndexedWatch {
  readonly from: ByteString
  readonly to: ByteString
  readonly #host: WatchHost
  readonly #filter: EventFilter
  readonly #onReady: () => void
  /** Everything before it was looked at; null at the end of the history. */
  #place: HistoryPlace | null = null
  #state: State = 'placed'
  #isCalled = false

  constructor(host: WatchHost, options: WatchOptions, onReady: () => void) {
    this.#host = host
    this.#onReady = onReady
    const { database, after, afterSub = Number.POSITIVE_INFINITY } = options
    const from = Buffer.from(options.from)
    const to = options.to === null ? null : Buffer.from(options.to)
    this.#filter = { database, from, to, after, afterSub }
    this.from = databasePrefix(database) + toByteString(from)
    this.to = to === null ? databasePrefix(database + 1) : databasePrefix(database) + toByteString(to)
  }

  get database(): number {
    return this.#filter.database
  }

  get place(): HistoryPlace | null {
    return this.#place
  }

  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  get revision(): number {
    const seen = this.isIdle ? this.#host.history.revision : this.#revisionBefore()
    return Math.max(this.#wholeAfter, seen)
  }

  /** Finds its place; called once. */
  start(): void {
    const { history } = this.#host
    const { after, afterSub } = this.#filter
    if (history.isBelow(after, afterSub)) return this.#end()
    this.#place = history.seek(after, afterSub)
    if (this.#place === null) this.#become('idle')
    else this.#sweep()
  }

  take(maxEvents: number, maxBytes: number): readonly WatchEvent[] | 'compacted' {
    if (this.#state === 'placed' && this.#place?.chunk.isEvicted) this.#become('compacted')
    if (this.#state === 'compacted') return 'compacted'
    if (this.#state !== 'placed') return NONE
    const events: WatchEvent[] = []
    let bytes = 0
    for (let left = EXAMINED_MAX; left > 0 && this.#place !== null; left--) {
      if (passes(this.#place, this.#filter)) {
        if (events.length >= maxEvents || (events.length > 0 && bytes >= maxBytes)) return events
        events.push(eventAt(this.#place))
        bytes += sizeAt(this.#place)
      }
      this.#place = placeAfter(this.#place)
    }
    if (this.#place === null) this.#become('idle')
    else if (events.length === 0) this.#sweep()
    return events
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#become('closed')
    this.#place = null
    this.#host.forget(this)
  }

  // --- For the hub and the sweep ---

  /** An event of its keys: true when it is for this watch, which then stands there and is called. */
  onEvent(place: HistoryPlace): boolean {
    if (!passes(place, this.#filter)) return false
    this.#place = place
    this.#become('placed')
    this.#call()
    return true
  }

  /** The sweep came to the end of the history, or the place of the watch is gone. */
  onSwept(): void {
    if (this.#place?.chunk.isEvicted) return this.#end()
    this.#place = null
    this.#become('idle')
  }

  /** The history starts anew at another revision; it had reached `before`. */
  onReset(before: number): void {
    const seen = this.isIdle ? Math.max(before, this.#wholeAfter) : -1
    if (seen < this.#host.history.revision) this.#end()
  }

  onCalled(): void {
    this.#isCalled = false
    if (this.#state !== 'closed') this.#onReady()
  }

  #sweep(): void {
    this.#become('sweeping')
    this.#host.sweep(this)
  }

  /** The history does not reach back to where it stands. */
  #end(): void {
    this.#become('compacted')
    this.#place = null
    this.#call()
  }

  #call(): void {
    if (this.#isCalled) return
    this.#isCalled = true
    this.#host.call(this)
  }

  #become(state: State): void {
    if (this.#state === state) return
    if (this.#state === 'idle') this.#host.countIdle(-1)
    if (state === 'idle') this.#host.countIdle(1)
    this.#state = state
  }

  /** The last revision of which its user has seen everything. */
  get #wholeAfter(): number {
    const { after, afterSub } = this.#filter
    return afterSub === Number.POSITIVE_INFINITY ? after : after - 1
  }

  /** The revision of its place may be taken in part. */
  #revisionBefore(): number {
    return this.#place === null || this.#place.chunk.isEvicted ? 0 : revisionAt(this.#place) - 1
  }
}
