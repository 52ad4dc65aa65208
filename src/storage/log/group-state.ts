/**
 * What one group's part of the log amounts to: entries by place, terms, hard state, compaction point,
 * unfinished install. Built by replay at a start and by the live log alike, so that both agree on what each
 * record means.
 */
import { assert } from '../../lib/assert.ts'
import type { HardState, Index, Term } from '../../raft/types.ts'
import { NO_PEER } from '../../raft/types.ts'
import { EntryIndex } from './entry-index.ts'
import { Runs } from './runs.ts'
import type { InstallRecord } from './types.ts'

const NO_HARD_STATE: HardState = { term: 0, votedFor: NO_PEER, commitIndex: 0 }

/** What a new segment repeats at its start, so that no older segment is needed for it. */
export interface Kept {
  hardState: HardState
  compactIndex: Index
  compactTerm: Term
  install: InstallRecord | null
}

export class GroupState implements Kept {
  readonly id: number
  hardState: HardState = NO_HARD_STATE
  /** Entries up to here are not needed; 0 = none. firstIndex - 1. */
  compactIndex: Index = 0
  compactTerm: Term = 0
  install: InstallRecord | null = null
  /** Invariant, once recovered: entries.first = compactIndex + 1. */
  readonly entries = new EntryIndex()
  readonly #terms = new Runs()

  constructor(id: number) {
    this.id = id
  }

  get lastIndex(): Index {
    return this.entries.last
  }

  /** Null when compacted (but known for the compaction point) or beyond the last entry. */
  term(index: Index): Term | null {
    if (index === this.compactIndex) return this.compactTerm
    if (index < this.entries.first || index > this.entries.last) return null
    return this.#terms.at(index)
  }

  get lastTerm(): Term {
    return this.entries.last < this.entries.first ? this.compactTerm : this.#terms.at(this.entries.last)
  }

  /** Adds an entry; one at or below the last index replaces that one and everything after it. */
  append(term: Term, index: Index, size: number): void {
    if (index <= this.entries.last) {
      this.entries.truncate(index)
      this.#terms.truncate(index)
    }
    assert(index === this.entries.last + 1, () => `Entry ${index} follows ${this.entries.last}`)
    assert(term >= this.lastTerm, () => `Entry ${index} has term ${term} after term ${this.lastTerm}`)
    this.entries.push(size)
    this.#terms.set(index, term)
  }

  /** Only for replay: segments before the oldest are gone, so what it holds begins at `index`. */
  startAt(index: Index): void {
    this.entries.reset(index)
    this.#terms.clear()
  }

  compact(index: Index, term: Term): void {
    assert(index >= this.compactIndex, 'A compaction point never goes back')
    this.compactIndex = index
    this.compactTerm = term
    if (index > this.entries.last) {
      this.#terms.clear()
      this.entries.reset(index + 1)
      return
    }
    if (index < this.entries.first) return
    this.entries.dropBefore(index + 1)
    this.#terms.dropBefore(index + 1)
  }

  /** R10 step 2. `voids`: the log does not hold (index, term), so its entries are void. */
  startInstall(record: InstallRecord, voids: boolean): void {
    this.install = record
    if (!voids) return
    this.entries.reset(record.index + 1)
    this.#terms.clear()
    this.compactIndex = record.index
    this.compactTerm = record.term
  }

  endInstall(index: Index): void {
    if (this.install !== null && this.install.index <= index) this.install = null
  }

  kept(): Kept {
    const { hardState, compactIndex, compactTerm, install } = this
    return { hardState, compactIndex, compactTerm, install }
  }
}
