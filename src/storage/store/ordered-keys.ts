/**
 * The keys of one memtable in order, for ranges. New keys gather unsorted; every RUN_KEYS of them are sorted
 * into a run. Runs are merged two at a time, a bounded slice per range, so a writer that never ranges pays
 * for small sorts only and no single call works for long. Arrays given out are never changed afterwards.
 */
import type { ByteString } from '../../lib/bytes.ts'

/** Keys sorted at once: well below a millisecond. */
const RUN_KEYS = 2048
/** Runs are merged while there are more than this many. */
const RUNS_AIM = 4
/** Keys moved by merging per call of runs(). */
const MERGE_SLICE = 8192

interface Merge {
  readonly left: readonly ByteString[]
  readonly right: readonly ByteString[]
  readonly merged: ByteString[]
  leftAt: number
  rightAt: number
}

export class OrderedKeys {
  /** Keys since the last sort. */
  #fresh: ByteString[] = []
  /** The sorted rest of the newest run. */
  #sorted: readonly ByteString[] = []
  #runs: (readonly ByteString[])[] = []
  #merge: Merge | null = null

  /** Adds a key that is not in yet. */
  add(key: ByteString): void {
    this.#fresh.push(key)
    if (this.#fresh.length + this.#sorted.length < RUN_KEYS) return
    this.#sortFresh()
    this.#runs.push(this.#sorted)
    this.#sorted = []
  }

  /** Sorted, disjoint arrays that together hold every key. */
  runs(): readonly (readonly ByteString[])[] {
    this.#sortFresh()
    this.#mergeSlice()
    return this.#sorted.length === 0 ? this.#runs : [...this.#runs, this.#sorted]
  }

  #sortFresh(): void {
    if (this.#fresh.length === 0) return
    const fresh = this.#fresh.sort(compareKeys)
    this.#fresh = []
    if (this.#sorted.length === 0) {
      this.#sorted = fresh
      return
    }
    const merge = startMerge(this.#sorted, fresh)
    advanceMerge(merge, Number.POSITIVE_INFINITY)
    this.#sorted = merge.merged
  }

  #mergeSlice(): void {
    if (this.#merge === null) {
      if (this.#runs.length <= RUNS_AIM) return
      const [left, right] = [...this.#runs].sort((a, b) => a.length - b.length)
      if (left === undefined || right === undefined) return
      this.#merge = startMerge(left, right)
    }
    const merge = this.#merge
    if (!advanceMerge(merge, MERGE_SLICE)) return
    this.#runs = this.#runs.filter((run) => run !== merge.left && run !== merge.right)
    this.#runs.push(merge.merged)
    this.#merge = null
  }
}

/** Index of the first key >= `key`. */
export function lowerBound(keys: readonly ByteString[], key: ByteString): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as ByteString) < key) low = middle + 1
    else high = middle
  }
  return low
}

function compareKeys(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function startMerge(left: readonly ByteString[], right: readonly ByteString[]): Merge {
  return { left, right, merged: [], leftAt: 0, rightAt: 0 }
}

/** Moves up to `count` keys; true when the merge is complete. */
function advanceMerge(merge: Merge, count: number): boolean {
  const { left, right, merged } = merge
  let l = merge.leftAt
  let r = merge.rightAt
  const end = Math.min(left.length + right.length, l + r + count)
  while (l + r < end) {
    const fromLeft =
      r === right.length || (l < left.length && (left[l] as ByteString) < (right[r] as ByteString))
    merged.push((fromLeft ? left[l++] : right[r++]) as ByteString)
  }
  merge.leftAt = l
  merge.rightAt = r
  return l + r === left.length + right.length
}
