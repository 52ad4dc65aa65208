/**
 * A step function over log indexes: from a run's start on, up to the next start, one value holds. Terms and
 * segments are such functions; both have few runs, so a lookup is O(log runs) and an append touches the last
 * run only.
 */
import { assert } from '../../lib/assert.ts'

export class Runs {
  readonly #starts: number[] = []
  readonly #values: number[] = []

  /** The value at `index`, or -1 when no run begins at or before it. */
  at(index: number): number {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] as number) <= index) low = middle + 1
      else high = middle
    }
    return low === 0 ? -1 : (this.#values[low - 1] as number)
  }

  /** The first index after `index` at which the value changes; Infinity when it never does. */
  endOfRun(index: number): number {
    for (const start of this.#starts) if (start > index) return start
    return Number.POSITIVE_INFINITY
  }

  /** From `index` on, `value` holds; later runs are forgotten. Values never fall. */
  set(index: number, value: number): void {
    this.truncate(index)
    const last = this.#values.at(-1)
    if (last === value) return
    assert(last === undefined || last < value, 'Runs grow')
    this.#starts.push(index)
    this.#values.push(value)
  }

  /** Forgets runs that begin at `from` or later. */
  truncate(from: number): void {
    while (this.#starts.length > 0 && (this.#starts.at(-1) as number) >= from) {
      this.#starts.pop()
      this.#values.pop()
    }
  }

  /** Forgets runs that end before `index`. */
  dropBefore(index: number): void {
    let count = 0
    while (count + 1 < this.#starts.length && (this.#starts[count + 1] as number) <= index) count++
    this.#starts.splice(0, count)
    this.#values.splice(0, count)
  }

  clear(): void {
    this.#starts.length = 0
    this.#values.length = 0
  }
}
