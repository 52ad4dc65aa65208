/**
 * Reads pages and makes pieces of large answers, one in a turn of the event loop, in the order in which they were asked
 * for: however many large answers there are, a small request waits for one piece of them at most in every turn.
 */
import type { PinnedSnapshot } from '../../../cluster/clients/listing.ts'
import type { Clock } from '../../../lib/clock.ts'

export class PieceTurns {
  readonly #clock: Clock
  #queue: (() => void)[] = []
  #at = 0
  #isRunning = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `run` in a later turn. */
  add(run: () => void): void {
    this.#queue.push(run)
    if (this.#isRunning) return
    this.#isRunning = true
    this.#clock.defer(this.#step)
  }

  /** The same snapshot; its pages are read in turns. */
  pace(snapshot: PinnedSnapshot): PinnedSnapshot {
    return {
      revision: snapshot.revision,
      timeMs: snapshot.timeMs,
      page: (options, done) => this.add(() => snapshot.page(options, done)),
      release: () => snapshot.release(),
    }
  }

  readonly #step = (): void => {
    const run = this.#queue[this.#at++]
    if (this.#at === this.#queue.length) {
      this.#queue = []
      this.#at = 0
    }
    this.#isRunning = this.#queue.length > 0
    if (this.#isRunning) this.#clock.defer(this.#step)
    run?.()
  }
}
