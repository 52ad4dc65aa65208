/**
 * Virtual time: a heap of events, run one at a time in order of (time, insertion). Nothing else in the simulation
 * decides an order.
 */

export class Scheduler {
  #now = 0
  #sequence = 0
  /** A binary heap in three parallel arrays. */
  readonly #times: number[] = []
  readonly #orders: number[] = []
  readonly #actions: (() => void)[] = []

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now
  }

  /** Events run so far plus those that wait. */
  get scheduled(): number {
    return this.#sequence
  }

  after(delayMs: number, action: () => void): void {
    this.#sequence++
    this.#times.push(this.#now + delayMs)
    this.#orders.push(this.#sequence)
    this.#actions.push(action)
    this.#up(this.#times.length - 1)
  }

  /** Runs the next event; false when there is none up to `untilMs`. */
  runOne(untilMs: number): boolean {
    const time = this.#times[0]
    if (time === undefined || time > untilMs) return false
    const action = this.#actions[0] as () => void
    this.#now = time
    this.#removeFirst()
    action()
    return true
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#times[a] as number) - (this.#times[b] as number)
    return difference !== 0 ? difference < 0 : (this.#orders[a] as number) < (this.#orders[b] as number)
  }

  #swap(a: number, b: number): void {
    const time = this.#times[a] as number
    const order = this.#orders[a] as number
    const action = this.#actions[a] as () => void
    this.#times[a] = this.#times[b] as number
    this.#orders[a] = this.#orders[b] as number
    this.#actions[a] = this.#actions[b] as () => void
    this.#times[b] = time
    this.#orders[b] = order
    this.#actions[b] = action
  }

  #up(start: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!this.#before(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #removeFirst(): void {
    const last = this.#times.length - 1
    if (last > 0) this.#swap(0, last)
    this.#times.pop()
    this.#orders.pop()
    this.#actions.pop()
    let at = 0
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < last && this.#before(child, least)) least = child
      }
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }
}
