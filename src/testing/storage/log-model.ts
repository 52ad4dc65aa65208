/**
 * The second model of the log: plain arrays. It keeps the state after every operation since the last one that
 * is known to be durable, because after a crash the log may show any of those states, and no other.
 */
import { assert, must } from '../../lib/assert.ts'
import type { HardState } from '../../raft/types.ts'
import type { Log, LogGroup } from '../../storage/log/types.ts'

export interface ModelEntry {
  readonly term: number
  readonly bytes: string
}

export interface ModelGroup {
  compactIndex: number
  compactTerm: number
  entries: ModelEntry[]
  hardState: HardState
  install: { index: number; term: number; manifest: string } | null
}

export type ModelState = ModelGroup[]

function emptyGroup(): ModelGroup {
  const hardState = { term: 0, votedFor: 0, commitIndex: 0 }
  return { compactIndex: 0, compactTerm: 0, entries: [], hardState, install: null }
}

export function lastIndexOf(group: ModelGroup): number {
  return group.compactIndex + group.entries.length
}

export function lastTermOf(group: ModelGroup): number {
  return group.entries.at(-1)?.term ?? group.compactTerm
}

export class LogModel {
  /** States after operations `#firstOperation`, + 1, …; the first one is durable. */
  #states: ModelState[]
  #firstOperation = 0

  constructor(groups: number) {
    this.#states = [Array.from({ length: groups }, emptyGroup)]
  }

  get state(): ModelState {
    return must(this.#states.at(-1), 'state')
  }

  get durable(): ModelState {
    return must(this.#states[0], 'state')
  }

  /** Applies an operation; the value is its number, for `acknowledged`. */
  operate(group: number, change: (group: ModelGroup) => void): number {
    const next = this.state.map((one) => ({ ...one, entries: [...one.entries] }))
    change(must(next[group], 'group'))
    this.#states.push(next)
    return this.#firstOperation + this.#states.length - 1
  }

  /** The operation and all before it are durable. */
  acknowledged(operation: number): void {
    const durable = operation - this.#firstOperation
    assert(durable >= 0 && durable < this.#states.length, 'Operations are acknowledged in order')
    this.#states.splice(0, durable)
    this.#firstOperation = operation
  }

  /** The log was opened again and shows `found`: it must be one of the states that a crash may leave. */
  recovered(found: ModelState): boolean {
    const wanted = JSON.stringify(found)
    const at = this.#states.findIndex((state) => JSON.stringify(afterRestart(state)) === wanted)
    if (at < 0) return false
    this.#firstOperation += this.#states.length
    this.#states = [found]
    return true
  }

  describe(): string {
    return this.#states.map((state) => summary(afterRestart(state))).join('\n')
  }
}

/** The commit index is written lazily: a start raises it to what was compacted. */
function afterRestart(state: ModelState): ModelState {
  return state.map((group) => {
    const commitIndex = Math.max(group.hardState.commitIndex, group.compactIndex)
    return { ...group, hardState: { ...group.hardState, commitIndex } }
  })
}

/** What an opened log shows of groups 0 to `count` - 1; `read` gives the entries of a group. */
export function observe(log: Log, count: number, read: (group: LogGroup) => ModelEntry[]): ModelState {
  return Array.from({ length: count }, (_, id) => {
    const group = log.group(id)
    const compactIndex = group.firstIndex() - 1
    const compactTerm = must(group.term(compactIndex), 'term of the compaction point')
    const { hardState, install } = log.recovered(id)
    const record = install === null ? null : { ...install, manifest: install.manifest.toString('latin1') }
    return { compactIndex, compactTerm, entries: read(group), hardState, install: record }
  })
}

export function summary(state: ModelState): string {
  return state
    .map(({ compactIndex, compactTerm, entries, hardState, install }) => {
      const terms = entries.map(({ term }) => term).join(',')
      const sizes = entries.map(({ bytes }) => bytes.length).join(',')
      const vote = `${hardState.term}/${hardState.votedFor}/${hardState.commitIndex}`
      return `[${compactIndex}@${compactTerm} terms ${terms} sizes ${sizes} hard ${vote} install ${install?.index}]`
    })
    .join(' ')
}
