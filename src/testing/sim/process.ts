/**
 * One run of a program in the simulated world, from start to kill: what owns events. A killed process runs
 * nothing any more; a paused one (SIGSTOP, a long garbage collection, a stalled machine) runs what became due
 * when it is resumed, in the order in which it became due. A restart is a new SimProcess.
 */
import { assert } from '../../lib/assert.ts'
import type { SimEvent } from './heap.ts'
import type { SimWorld } from './world.ts'

export class SimProcess {
  readonly world: SimWorld
  readonly id: number
  readonly name: string
  #alive = true
  #paused = false
  #held: SimEvent[] = []
  #deferred: (() => void)[] = []
  #exitHandlers: (() => void)[] = []

  /** Made by SimWorld.spawn(). */
  constructor(world: SimWorld, id: number, name: string) {
    this.world = world
    this.id = id
    this.name = name
  }

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.#paused
  }

  /**
   * Runs `fn` in `delayMs` of world time unless the process is killed before; later when it is paused then.
   */
  schedule(delayMs: number, label: string, fn: () => void): SimEvent {
    return this.world.schedule(delayMs, label, fn, this)
  }

  /**
   * Runs `fn` at this instant in a later turn; functions deferred by one process keep their order
   * (setImmediate).
   */
  defer(fn: () => void): void {
    this.#deferred.push(fn)
    if (this.#deferred.length === 1) this.schedule(0, 'defer', this.#runDeferred)
  }

  /** Called when the process is killed, in order of registration. Must not run the process's own code. */
  onExit(handler: () => void): void {
    this.#exitHandlers.push(handler)
  }

  kill(): void {
    if (!this.#alive) return
    this.#alive = false
    this.world.note('killed', this)
    this.#held = []
    this.#deferred = []
    for (const handler of this.#exitHandlers) handler()
    this.#exitHandlers = []
  }

  pause(): void {
    assert(this.#alive, () => `Cannot pause ${this.name}: it was killed`)
    this.#paused = true
    this.world.note('paused', this)
  }

  resume(): void {
    if (!this.#alive || !this.#paused) return
    this.#paused = false
    this.world.note('resumed', this)
    const held = this.#held
    this.#held = []
    // Ties below every random one, in order: what waited runs as it became due, before anything newer.
    held.forEach((event, i) => {
      this.world.reschedule(event, i / held.length - 1)
    })
  }

  /** For SimWorld: keeps an event that became due during a pause. */
  hold(event: SimEvent): void {
    this.#held.push(event)
  }

  readonly #runDeferred = (): void => {
    const deferred = this.#deferred
    this.#deferred = []
    for (const fn of deferred) {
      if (!this.#alive) return
      fn()
    }
  }
}
