/**
 * Commands that look at many values, one at a time at a node: together they would be executed in one turn, and
 * everybody else would wait for all of them.
 */

/** Begins the work; it calls `over` once when the next one may begin. */
export type Work = (over: () => void) => void

export class OneAtATime {
  readonly #later: (run: () => void) => void
  readonly #queue: Work[] = []
  #isBusy = false

  /** `later` runs a function in a turn of its own. */
  constructor(later: (run: () => void) => void) {
    this.#later = later
  }

  /** `work` begins in a later turn, behind those that were added before it. */
  add(work: Work): void {
    this.#queue.push(work)
    if (!this.#isBusy) this.#next()
  }

  readonly #next = (): void => {
    const work = this.#queue.shift()
    this.#isBusy = work !== undefined
    if (work !== undefined) this.#later(() => work(this.#next))
  }
}
