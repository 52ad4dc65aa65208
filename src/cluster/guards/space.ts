/**
 * Disk space as a state (R6): watches the free space of this node's data folder, and on the leader decides from every
 * voter's state whether commands that grow data are refused. The refusal is replicated state (an internal command), so
 * every node refuses at the same point of the log and, knowing it, before anything is forwarded.
 */
import type { Disk, SpaceReport } from '../../storage/disk.ts'

/** ok: room. low: below the low-water mark; what is left is the reserve. full: the reserve is nearly spent. */
export type SpaceState = 'ok' | 'low' | 'full'
export const SPACE_STATES: readonly SpaceState[] = ['ok', 'low', 'full']

const INTERVAL_MS = 500
/** Near the mark and below it: a fast writer must not run through the reserve between two looks. */
const INTERVAL_NEAR_MS = 50
/** Near is less free space than this many times the mark. */
const NEAR = 4
/** Room must exceed the mark by this factor before the state returns to ok: no flapping. */
const HYSTERESIS = 1.1

export interface SpaceWatchOptions {
  readonly disk: Disk
  readonly folder: string
  /** Free bytes at which the state becomes low; the reserve of R6. */
  readonly lowBytes: number
  /** Free bytes at which the state becomes full. */
  readonly fullBytes: number
  readonly changed: (state: SpaceState, report: SpaceReport) => void
}

export class SpaceWatch {
  readonly #options: SpaceWatchOptions
  #state: SpaceState = 'ok'
  #report: SpaceReport = { freeBytes: Number.POSITIVE_INFINITY, totalBytes: Number.POSITIVE_INFINITY }
  #busy = false
  #nextMs = 0

  constructor(options: SpaceWatchOptions) {
    this.#options = options
  }

  get state(): SpaceState {
    return this.#state
  }

  get report(): SpaceReport {
    return this.#report
  }

  tick(nowMs: number): void {
    if (this.#busy || nowMs < this.#nextMs) return
    this.#busy = true
    this.#options.disk.space(this.#options.folder, (error, report) => {
      this.#busy = false
      if (error === null) this.#report = report
      const isNear = this.#report.freeBytes < NEAR * this.#options.lowBytes
      this.#nextMs = nowMs + (isNear ? INTERVAL_NEAR_MS : INTERVAL_MS)
      if (error !== null) return
      const state = this.#judge(report.freeBytes)
      if (state === this.#state) return
      this.#state = state
      this.#options.changed(state, report)
    })
  }

  #judge(freeBytes: number): SpaceState {
    const { lowBytes, fullBytes } = this.#options
    if (freeBytes < fullBytes) return 'full'
    if (freeBytes < lowBytes) return 'low'
    if (this.#state !== 'ok' && freeBytes < lowBytes * HYSTERESIS) return 'low'
    return 'ok'
  }
}
