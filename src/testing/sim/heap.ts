/**
 * The queue of the simulated world: events by (virtual time, tie). Ties are random numbers drawn when an
 * event is scheduled, so that events of the same instant run in an order that the seed decides and no code
 * may rely on. A cancelled event stays queued with `run` null until its time comes: removal would cost more
 * than skipping.
 */
import type { Timer } from '../../lib/clock.ts'
import type { SimProcess } from './process.ts'

export class SimEvent implements Timer {
  /** Virtual milliseconds at which it runs; later when its process is paused then. */
  time: number
  tie: number
  /** Null for what no process does: the hardware, the network, the test itself. */
  readonly process: SimProcess | null
  readonly label: string
  run: (() => void) | null

  constructor(time: number, tie: number, process: SimProcess | null, label: string, run: () => void) {
    this.time = time
    this.tie = tie
    this.process = process
    this.label = label
    this.run = run
  }

  cancel(): void {
    this.run = null
  }
}

/**
 * A binary min-heap. Equal (time, tie) pairs leave in an order that depends on the heap alone: still
 * deterministic.
 */
export class SimHeap {
  readonly #events: SimEvent[] = []

  get size(): number {
    return this.#events.length
  }

  /** The event that pop() would return. */
  peek(): SimEvent | undefined {
    return this.#events[0]
  }

  push(event: SimEvent): void {
    const events = this.#events
    let at = events.length
    events.push(event)
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = events[parentAt] as SimEvent
      if (!before(event, parent)) break
      events[at] = parent
      at = parentAt
    }
    events[at] = event
  }

  pop(): SimEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined || events.length === 0) return first
    this.#sink(last)
    return first
  }

  #sink(event: SimEvent): void {
    const events = this.#events
    const size = events.length
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= size) break
      let child = events[childAt] as SimEvent
      if (childAt + 1 < size) {
        const right = events[childAt + 1] as SimEvent
        if (before(right, child)) {
          child = right
          childAt++
        }
      }
      if (!before(child, event)) break
      events[at] = child
      at = childAt
    }
    events[at] = event
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.time < b.time || (a.time === b.time && a.tie < b.tie)
}
