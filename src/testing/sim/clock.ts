/**
 * The simulated Clock of one process. Offset and rate belong to the machine and outlive the process:
 * `SimTime` is the machine's oscillator and wall clock, `SimClock` what a process sees of it. A process's
 * monotonic clock begins near zero at its start, as the real one does, so that no code can carry its readings
 * across a restart.
 */
import type { Clock, Timer } from '../../lib/clock.ts'
import type { SimEvent } from './heap.ts'
import type { SimProcess } from './process.ts'
import type { SimWorld } from './world.ts'

/** 2026-01-01T00:00:00Z: the wall time at which every world begins. */
const WORLD_EPOCH_MS = 1_767_225_600_000

export interface SimTimeOptions {
  /** Wall clock minus true time, ms. */
  readonly offsetMs?: number
  /** Local milliseconds per true millisecond; 1.0001 gains 100 ppm. */
  readonly rate?: number
}

/** A machine's time. */
export class SimTime {
  readonly #world: SimWorld
  #rate: number
  #anchorTrueMs = 0
  #anchorLocalMs = 0
  #offsetMs: number

  constructor(world: SimWorld, options: SimTimeOptions = {}) {
    this.#world = world
    this.#rate = options.rate ?? 1
    this.#offsetMs = options.offsetMs ?? 0
  }

  get rate(): number {
    return this.#rate
  }

  /** Local milliseconds since the world began; never goes back. */
  localMs(): number {
    return this.#anchorLocalMs + (this.#world.nowMs - this.#anchorTrueMs) * this.#rate
  }

  wallMs(): number {
    return WORLD_EPOCH_MS + this.localMs() + this.#offsetMs
  }

  /** Drift from now on; `rate` > 0. */
  setRate(rate: number): void {
    this.#anchorLocalMs = this.localMs()
    this.#anchorTrueMs = this.#world.nowMs
    this.#rate = rate
  }

  /** Steps the wall clock, as an administrator or a time daemon would; either sign. */
  jump(byMs: number): void {
    this.#offsetMs += byMs
  }
}

export class SimClock implements Clock {
  readonly #process: SimProcess
  readonly #time: SimTime
  readonly #startMs: number

  constructor(process: SimProcess, time: SimTime = new SimTime(process.world)) {
    this.#process = process
    this.#time = time
    this.#startMs = time.localMs()
  }

  monotonicMs(): number {
    return this.#time.localMs() - this.#startMs
  }

  wallMs(): number {
    return this.#time.wallMs()
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    return new SimTimer(this.#process, this.#time, delayMs, fn)
  }

  defer(fn: () => void): void {
    this.#process.defer(fn)
  }
}

/** Below this, arming a timer again for a rounding error might not advance time at all. */
const TIMER_MS_MIN = 0.001

/** Fires when the local clock has advanced by the delay, whatever its rate became meanwhile. */
class SimTimer implements Timer {
  readonly #process: SimProcess
  readonly #time: SimTime
  readonly #dueMs: number
  readonly #fn: () => void
  #event: SimEvent | null = null

  constructor(process: SimProcess, time: SimTime, delayMs: number, fn: () => void) {
    this.#process = process
    this.#time = time
    this.#dueMs = time.localMs() + delayMs
    this.#fn = fn
    this.#arm()
  }

  cancel(): void {
    this.#event?.cancel()
    this.#event = null
  }

  #arm(): void {
    const remainingMs = Math.max(TIMER_MS_MIN, this.#dueMs - this.#time.localMs())
    this.#event = this.#process.schedule(remainingMs / this.#time.rate, 'timer', this.#fire)
  }

  readonly #fire = (): void => {
    if (this.#time.localMs() < this.#dueMs - TIMER_MS_MIN / 2) {
      this.#arm()
      return
    }
    this.#event = null
    this.#fn()
  }
}
