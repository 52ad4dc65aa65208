/**
 * Finds the next event for watches that stand somewhere back in the history: one walk for all of them, in slices,
 * asking the index about each event. So looking for a thousand watches costs about what it costs for one.
 */
import type { Clock } from '../../lib/clock.ts'
import type { HistoryWatch } from './history-watch.ts'
import { eventKeyAt, type HistoryPlace, isBefore, placeAfter } from './watch-history.ts'
import type { WatchIndex } from './watch-index.ts'

/** A turn's share, in milliseconds, and how many events pass between looks at the clock. */
const SLICE_MS = 4
const EVENTS_PER_LOOK = 256

export class WatchSweep {
  readonly #clock: Clock
  readonly #index: WatchIndex<HistoryWatch>
  /** Watches that stand at or behind the walk's place, and those that stand before it: the next walk is theirs. */
  #current = new Set<HistoryWatch>()
  #later = new Set<HistoryWatch>()
  /** The next event; null between walks. */
  #place: HistoryPlace | null = null
  #isScheduled = false

  constructor(clock: Clock, index: WatchIndex<HistoryWatch>) {
    this.#clock = clock
    this.#index = index
  }

  /** The watch waits for its next event, or for the end of the history. */
  join(watch: HistoryWatch): void {
    const at = watch.place
    const isAhead = this.#place !== null && at !== null && !isBefore(at, this.#place)
    if (isAhead) this.#current.add(watch)
    else this.#later.add(watch)
    this.#schedule()
  }

  leave(watch: HistoryWatch): void {
    this.#current.delete(watch)
    this.#later.delete(watch)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.defer(() => {
      this.#isScheduled = false
      this.#walk(this.#clock.monotonicMs() + SLICE_MS)
      if (this.#current.size + this.#later.size > 0) this.#schedule()
    })
  }

  #walk(deadlineMs: number): void {
    if (this.#place === null || this.#place.chunk.isEvicted) this.#begin()
    for (let looked = 1; this.#place !== null; looked++) {
      if (this.#current.size === 0) this.#place = null
      else this.#look(this.#place)
      if (looked % EVENTS_PER_LOOK === 0 && this.#clock.monotonicMs() >= deadlineMs) return
    }
  }

  /** From the lowest place of all that wait; those whose place is gone are told. */
  #begin(): void {
    const waiting = [...this.#current, ...this.#later]
    this.#current = new Set()
    this.#later = new Set()
    this.#place = null
    for (const watch of waiting) {
      const at = watch.place
      if (at === null || at.chunk.isEvicted) {
        watch.onSwept()
        continue
      }
      this.#current.add(watch)
      if (this.#place === null || isBefore(at, this.#place)) this.#place = at
    }
  }

  #look(place: HistoryPlace): void {
    this.#index.visit(eventKeyAt(place), (watch) => {
      if (!this.#current.has(watch) || watch.place === null || isBefore(place, watch.place)) return
      if (watch.onEvent(place)) this.#current.delete(watch)
    })
    this.#place = placeAfter(place)
    if (this.#place !== null) return
    for (const watch of this.#current) watch.onSwept()
    this.#current = new Set()
  }
}
