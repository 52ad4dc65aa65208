/**
 * The merge of sorted sources, newest record of each key first: what ranges, flushes and compactions are made
 * of.
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'

/** Distinct keys in order. A source with nothing left is not handed to a merge. */
export interface Source {
  /** Key of the record it stands on. */
  readonly key: ByteString
  /** Lower is newer; sources with equal age never hold the same key. */
  readonly age: number
  version(): number
  /** null: the record marks its key deleted. */
  value(): Buffer | null
  /** Moves on; false when nothing is left. May throw MISS: then the merge is of no further use. */
  next(): boolean
}

export class Merge {
  /** Binary heap by key, then age. */
  readonly #heap: Source[] = []
  readonly #checkVersions: boolean

  /** With `checkVersions` a newer source must hold the higher version of a key. */
  constructor(sources: readonly Source[], checkVersions = false) {
    this.#checkVersions = checkVersions
    this.#heap.push(...sources)
    for (let i = (this.#heap.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  /** The source with the newest record of the lowest key; null at the end. */
  get top(): Source | null {
    return this.#heap[0] ?? null
  }

  /** Sources that are not exhausted. */
  get sources(): number {
    return this.#heap.length
  }

  /** Moves past every record of the present key. */
  next(): void {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined) return
    const key = first.key
    let version = this.#checkVersions ? first.version() : 0
    this.#step(first)
    for (let top = heap[0]; top !== undefined && top.key === key; top = heap[0]) {
      if (this.#checkVersions) {
        const older = top.version()
        assert(older < version, () => `Version ${older} of a key is in an older run than version ${version}`)
        version = older
      }
      this.#step(top)
    }
  }

  #step(top: Source): void {
    const heap = this.#heap
    if (!top.next()) {
      const last = heap.pop()
      if (last === undefined || last === top) return
      heap[0] = last
    }
    this.#sink(0)
  }

  #sink(start: number): void {
    const heap = this.#heap
    const source = heap[start] as Source
    let at = start
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Source, heap[child] as Source)) child++
      if (!isBefore(heap[child] as Source, source)) break
      heap[at] = heap[child] as Source
      at = child
    }
    heap[at] = source
  }
}

function isBefore(a: Source, b: Source): boolean {
  return a.key === b.key ? a.age < b.age : a.key < b.key
}
