/**
 * Which of many ranges hold a point: a segment tree over the bounds of all ranges, so that a point asks a few nodes
 * instead of every range. Ranges that are new wait in a short list until there are enough of them to build anew.
 */
import type { ByteString } from './bytes.ts'

/** Added ranges that are searched one by one; a share of the others on top. */
const FRESH_MAX = 32

interface Interval<T> {
  readonly from: ByteString
  readonly to: ByteString
  readonly value: T
  isGone: boolean
}

/** Half-open ranges of byte strings with a value each. */
export class IntervalIndex<T> {
  readonly #byValue = new Map<T, Interval<T>>()
  #fresh: Interval<T>[] = []
  /** Bounds of the built ranges, ascending; leaf i is [bounds[i], bounds[i + 1]). */
  #bounds: ByteString[] = []
  /** Node i of a bottom-up tree: leaves at #bounds.length + i, children of i at 2i and 2i + 1. */
  #nodes: (Interval<T>[] | undefined)[] = []
  #goneCount = 0

  get size(): number {
    return this.#byValue.size
  }

  /** `from` < `to`; a value has one range. */
  add(from: ByteString, to: ByteString, value: T): void {
    const interval = { from, to, value, isGone: false }
    this.#byValue.set(value, interval)
    this.#fresh.push(interval)
  }

  delete(value: T): void {
    const interval = this.#byValue.get(value)
    if (interval === undefined) return
    interval.isGone = true
    this.#byValue.delete(value)
    this.#goneCount++
  }

  /** Calls `visit` for the value of every range that holds `point`. */
  visit(point: ByteString, visit: (value: T) => void): void {
    const slack = FRESH_MAX + this.#byValue.size / 8
    if (this.#fresh.length > slack || this.#goneCount > slack) this.#build()
    for (const { from, to, value, isGone } of this.#fresh) {
      if (!isGone && from <= point && point < to) visit(value)
    }
    const leaf = this.#leafOf(point)
    if (leaf < 0) return
    for (let node = this.#bounds.length + leaf; node >= 1; node >>= 1) {
      for (const interval of this.#nodes[node] ?? []) if (!interval.isGone) visit(interval.value)
    }
  }

  #build(): void {
    const intervals = [...this.#byValue.values()]
    const bounds = new Set<ByteString>()
    for (const { from, to } of intervals) bounds.add(from).add(to)
    this.#bounds = [...bounds].sort()
    this.#nodes = new Array(2 * this.#bounds.length)
    this.#fresh = []
    this.#goneCount = 0
    for (const interval of intervals) this.#insert(interval)
  }

  #insert(interval: Interval<T>): void {
    const count = this.#bounds.length
    let low = count + this.#leafOf(interval.from)
    let high = count + this.#leafOf(interval.to)
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) this.#put(low++, interval)
      if (high & 1) this.#put(--high, interval)
    }
  }

  #put(node: number, interval: Interval<T>): void {
    const list = this.#nodes[node]
    if (list === undefined) this.#nodes[node] = [interval]
    else list.push(interval)
  }

  /** The last bound that is not above `point`; -1 when there is none. */
  #leafOf(point: ByteString): number {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#bounds[middle] as ByteString) <= point) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
