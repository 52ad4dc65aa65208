/**
 * The state as it was at one entry, for listings of many pages: the memtables of that moment (which keep the places of
 * records that are overwritten later), its version (whose files stay) and its dropped ranges. Nothing is copied; what
 * is held is counted and ended, oldest first, when it becomes too much.
 */
import { must } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Callback } from '../disk.ts'
import type { DropSet } from './drops.ts'
import { GoneError } from './errors.ts'
import type { Memtable } from './memtable.ts'
import { PinnedScan } from './pinned-scan.ts'
import type { State } from './state.ts'
import type { PinnedState, ScanRange, VisitRow } from './types.ts'
import { loadMissing, type Version } from './version.ts'

/** Keys that one turn of a scan examines. */
const SCAN_SLICE = 2_000

export class StatePin implements PinnedState {
  readonly index: number
  readonly drops: DropSet
  #memtables: readonly Memtable[]
  #version: Version | null
  readonly #clock: Clock
  readonly #onEnd: (pin: StatePin) => void
  #hasEnded = false

  /** Of the state at `index`, an entry boundary. */
  constructor(state: State, index: number, clock: Clock, onEnd: (pin: StatePin) => void) {
    this.index = index
    this.#memtables = [...state.sealed.map(({ memtable }) => memtable), state.active]
    this.#version = state.version.retain()
    this.drops = state.drops
    this.#clock = clock
    this.#onEnd = onEnd
    state.active.pin(index)
  }

  /** Oldest first; none once it has ended. */
  get memtables(): readonly Memtable[] {
    return this.#memtables
  }

  /** Only until it ends. */
  get version(): Version {
    return must(this.#version, 'version of a pinned state that has ended')
  }

  scan(range: ScanRange, visit: VisitRow, done: Callback): void {
    const scan = new PinnedScan(this, range, visit)
    const slice = (): void => {
      if (this.#hasEnded) return done(new GoneError())
      const step = scan.step(SCAN_SLICE)
      if (step === 'done') done(null)
      else if (step === 'again') this.#clock.defer(slice)
      else loadMissing(scan, step, (error) => (error === null || this.#hasEnded ? slice() : done(error)))
    }
    this.#clock.defer(slice)
  }

  release(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#memtables.at(-1)?.unpin()
    this.#version?.release()
    // Its holder may keep this object for long: what ended must not keep memory.
    this.#memtables = []
    this.#version = null
    this.#onEnd(this)
  }
}

/** The pins of one store. */
export class StatePins {
  readonly #state: State
  readonly #clock: Clock
  readonly #memoryLimit: number
  /** Oldest first. */
  readonly #open = new Set<StatePin>()

  constructor(state: State, clock: Clock, memoryLimit: number) {
    this.#state = state
    this.#clock = clock
    this.#memoryLimit = memoryLimit
  }

  get size(): number {
    return this.#open.size
  }

  /** Memory of memtables that only pins still hold, in bytes. */
  get bytes(): number {
    const held = new Set<Memtable>()
    for (const { memtables } of this.#open) for (const memtable of memtables) held.add(memtable)
    held.delete(this.#state.active)
    for (const { memtable } of this.#state.sealed) held.delete(memtable)
    let bytes = 0
    for (const memtable of held) bytes += memtable.bytes
    return bytes
  }

  pin(index: number): StatePin {
    const pin = new StatePin(this.#state, index, this.#clock, (ended) => this.#open.delete(ended))
    this.#open.add(pin)
    return pin
  }

  /** Ends the oldest pins until what they hold is within the limit. */
  trim(): void {
    for (const pin of this.#open) {
      if (this.bytes <= this.#memoryLimit) return
      pin.release()
    }
  }

  /** Ends all of them. */
  clear(): void {
    for (const pin of this.#open) pin.release()
  }
}
