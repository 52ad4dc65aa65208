/**
 * The watches of one node over its history (watch-history.ts). Those that stand at its end are idle: an event finds the
 * ones that it concerns in an index, gives them their place and has them called; others it does not touch. Those that
 * stand further back get their next event from the sweep.
 */
import type { Effects, KeyChange } from '../../engine/effects.ts'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../protocol/limits.ts'
import type { EffectsListener } from '../execute.ts'
import { HistoryWatch, type WatchHost } from './history-watch.ts'
import type { Watch, WatchOptions } from './watch.ts'
import type { HistoryPlace, WatchHistory } from './watch-history.ts'
import { WatchIndex } from './watch-index.ts'
import { WatchSweep } from './watch-sweep.ts'

/** A turn's share of calling watches, in milliseconds. */
const SLICE_MS = 4

export interface WatchHubOptions {
  readonly clock: Clock
  readonly history: WatchHistory
  /** Of the applied state. */
  readonly revision: () => number
}

/** Listens to the effects of this node's state, always. */
export class WatchHub implements EffectsListener, WatchHost {
  readonly history: WatchHistory
  readonly #options: WatchHubOptions
  readonly #index = new WatchIndex<HistoryWatch>()
  readonly #sweep: WatchSweep
  #idle = 0
  #due: HistoryWatch[] = []
  #place: HistoryPlace | null = null

  constructor(options: WatchHubOptions) {
    this.#options = options
    this.history = options.history
    this.#sweep = new WatchSweep(options.clock, this.#index)
  }

  /** Watches that are open. */
  get size(): number {
    return this.#index.size
  }

  /** Null when limits.watchers are open already. */
  open(options: WatchOptions, onReady: () => void): Watch | null {
    if (this.size >= limits.watchers) return null
    const watch = new HistoryWatch(this, options, onReady)
    this.#index.add(watch)
    watch.start()
    return watch
  }

  effects({ revision, changes }: Effects): void {
    for (const change of changes) {
      this.history.append(change, revision)
      if (this.#idle === 0) continue
      this.#place = this.history.newest
      this.#index.visit(eventOf(change), this.#give)
    }
    this.history.advance(revision)
  }

  /** What lay between the old state and the new one was never here: watches before the new one are over. */
  reset(): void {
    const before = this.history.revision
    this.history.reset(this.#options.revision())
    for (const watch of this.#index) {
      this.#sweep.leave(watch)
      watch.onReset(before)
    }
  }

  // --- For watches ---

  call(watch: HistoryWatch): void {
    if (this.#due.length === 0) this.#options.clock.defer(() => this.#callDue())
    this.#due.push(watch)
  }

  sweep(watch: HistoryWatch): void {
    this.#sweep.join(watch)
  }

  countIdle(change: 1 | -1): void {
    this.#idle += change
  }

  forget(watch: HistoryWatch): void {
    this.#index.delete(watch)
    this.#sweep.leave(watch)
  }

  readonly #give = (watch: HistoryWatch): void => {
    if (watch.isIdle) watch.onEvent(this.#place as HistoryPlace)
  }

  /** Many watches at once take their time: others get their turns in between. */
  #callDue(): void {
    const due = this.#due
    this.#due = []
    const { clock } = this.#options
    const deadlineMs = clock.monotonicMs() + SLICE_MS
    let called = 0
    while (called < due.length && clock.monotonicMs() <= deadlineMs) due[called++]?.onCalled()
    if (called === due.length) return
    if (this.#due.length === 0) clock.defer(() => this.#callDue())
    this.#due = [...due.slice(called), ...this.#due]
  }
}

function eventOf(change: KeyChange): { database: number; other: number; key: Buffer | null } {
  if ('other' in change) return { database: change.database, other: change.other, key: null }
  return { database: change.database, other: change.database, key: change.key }
}
