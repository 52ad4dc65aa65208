/**
 * Dropped ranges: every record in [from, to) whose version is not above the drop's is as good as gone.
 * Immutable: a seal keeps the set of its moment.
 */
import type { ByteString } from '../../lib/bytes.ts'

export interface Drop {
  readonly from: ByteString
  readonly to: ByteString
  /** Log index of the entry that dropped it. */
  readonly version: number
}

export class DropSet {
  /** In order of version. */
  readonly drops: readonly Drop[]
  /**
   * Disjoint stretches: bounds ascending; stretch i is [bounds[i], bounds[i + 1]) with versions[i] (-1: not
   * dropped).
   */
  readonly #bounds: ByteString[] = []
  readonly #versions: number[] = []

  constructor(drops: readonly Drop[]) {
    this.drops = drops
    if (drops.length === 0) return
    const bounds = new Set<ByteString>()
    for (const drop of drops) bounds.add(drop.from).add(drop.to)
    this.#bounds = [...bounds].sort()
    this.#versions = this.#bounds.map(() => -1)
    for (const drop of drops) {
      for (let i = this.#stretch(drop.from); (this.#bounds[i] as ByteString) < drop.to; i++) {
        this.#versions[i] = drop.version
      }
    }
  }

  get size(): number {
    return this.drops.length
  }

  with(drop: Drop): DropSet {
    return new DropSet([...this.drops, drop])
  }

  /** True when a record of `key` with `version` is dropped. */
  covers(key: ByteString, version: number): boolean {
    if (this.#bounds.length === 0) return false
    const stretch = this.#stretch(key)
    return stretch >= 0 && version <= (this.#versions[stretch] as number)
  }

  /** Last stretch that begins at or before `key`; -1 when none does. */
  #stretch(key: ByteString): number {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#bounds[middle] as ByteString) <= key) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
