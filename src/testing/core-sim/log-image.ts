/**
 * A log as an array: what a simulated disk holds, or what a node sees. Every entry has a chain value that covers the
 * whole prefix up to it, so that two logs are equal up to an index exactly when their chains are equal there.
 */
import { assert } from '../../lib/assert.ts'
import { readU32 } from '../../lib/bytes.ts'
import type { Entry } from '../../protocol/entry.ts'

export interface LogBase {
  readonly index: number
  readonly term: number
  readonly chain: number
}

/** Mixes an entry (its checksum covers term, index, kind and payload) into the chain before it. */
export function chainAfter(chain: number, entry: Entry): number {
  let mixed = Math.imul(chain ^ readU32(entry.frame, 4), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ entry.term, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) | 0
}

export class LogImage {
  base: LogBase = { index: 0, term: 0, chain: 0 }
  #entries: Entry[] = []
  #chains: number[] = []

  get lastIndex(): number {
    return this.base.index + this.#entries.length
  }

  entry(index: number): Entry | null {
    return this.#entries[index - this.base.index - 1] ?? null
  }

  term(index: number): number | null {
    if (index === this.base.index) return this.base.term
    return this.entry(index)?.term ?? null
  }

  chain(index: number): number | null {
    if (index === this.base.index) return this.base.chain
    return this.#chains[index - this.base.index - 1] ?? null
  }

  /** Appends; replaces everything from the first entry's index on. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const at = entry.index - this.base.index - 1
      if (at < 0) continue
      assert(at <= this.#entries.length, () => `Entry ${entry.index} leaves a gap after ${this.lastIndex}`)
      const before = at === 0 ? this.base.chain : (this.#chains[at - 1] as number)
      this.#entries.length = at
      this.#chains.length = at
      this.#entries.push(entry)
      this.#chains.push(chainAfter(before, entry))
    }
  }

  slice(low: number, high: number, maxBytes: number): Entry[] {
    const out: Entry[] = []
    let bytes = 0
    for (let index = low; index < high; index++) {
      const entry = this.entry(index)
      assert(entry !== null, () => `Entry ${index} is not in the log`)
      bytes += entry.frame.length
      if (out.length > 0 && bytes > maxBytes) break
      out.push(entry)
    }
    return out
  }

  compact(index: number): void {
    const term = this.term(index)
    const chain = this.chain(index)
    if (index <= this.base.index || term === null || chain === null) return
    this.#entries.splice(0, index - this.base.index)
    this.#chains.splice(0, index - this.base.index)
    this.base = { index, term, chain }
  }

  reset(base: LogBase): void {
    this.base = base
    this.#entries = []
    this.#chains = []
  }

  copyFrom(other: LogImage): void {
    this.base = other.base
    this.#entries = other.#entries.slice()
    this.#chains = other.#chains.slice()
  }
}
