/**
 * What must hold at every moment, seen by an observer who sees all nodes at once: one leader per term, committed
 * entries equal everywhere and for ever, a new leader has them all, indexes never go back and nothing is applied that
 * is not durable here, queues are bounded.
 */
import type { Node } from '../../cluster/node.ts'
import { crc32 } from '../../lib/crc32.ts'
import { limits } from '../../protocol/limits.ts'
import type { Machine } from './machine.ts'

/** A promise of the database that was broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(message())
}

/** What is known of one process; forgotten with it. */
interface Seen {
  readonly node: Node
  role: string
  term: number
  commitIndex: number
  appliedIndex: number
  /** Entries up to here were compared. */
  comparedIndex: number
  engineLevel: number
}

interface Committed {
  readonly term: number
  readonly crc: number
  readonly by: string
}

/** Events between two looks at logs and queues; the cheap checks run after every event. */
const EVENTS_PER_LOOK = 32
const READ_BYTES = 1024 * 1024
const GROUP = 0

export class Invariants {
  readonly #machines: readonly Machine[]
  readonly #seen = new Map<string, Seen>()
  readonly #leaders = new Map<number, string>()
  readonly #committed = new Map<number, Committed>()
  #highestCommitted = 0
  #events = 0
  /** Entries that were compared with another node's. */
  compared = 0

  constructor(machines: readonly Machine[]) {
    this.#machines = machines
  }

  get leaders(): number {
    return this.#leaders.size
  }

  get committed(): number {
    return this.#highestCommitted
  }

  /** Call after every event. */
  afterEvent(): void {
    const look = this.#events++ % EVENTS_PER_LOOK === 0
    for (const machine of this.#machines) {
      const { node } = machine
      if (node === null || node.host === null) continue
      const seen = this.#seenOf(machine.name, node)
      this.#checkCore(machine.name, seen)
      if (look) this.#look(machine.name, seen)
    }
  }

  #seenOf(name: string, node: Node): Seen {
    let seen = this.#seen.get(name)
    if (seen === undefined || seen.node !== node) {
      seen = { node, role: '', term: 0, commitIndex: 0, appliedIndex: 0, comparedIndex: 0, engineLevel: 0 }
      this.#seen.set(name, seen)
    }
    return seen
  }

  #checkCore(name: string, seen: Seen): void {
    const replica = seen.node.host?.replica
    if (replica === undefined) return
    const { core, applier } = replica
    if (core.role !== seen.role || core.term !== seen.term) this.#newRole(name, seen, core.role, core.term)
    const { commitIndex } = core
    check(commitIndex >= seen.commitIndex, () => `${name}: commit index fell to ${commitIndex}`)
    const { index } = applier
    check(
      index >= seen.appliedIndex,
      () => `${name}: applied index fell from ${seen.appliedIndex} to ${index}`,
    )
    check(index <= commitIndex, () => `${name}: applied ${index}, committed only ${commitIndex}`)
    if (index !== seen.appliedIndex) {
      const { stableIndex } = core.status()
      check(index <= stableIndex, () => `${name}: applied ${index}, durable only ${stableIndex}`)
    }
    seen.commitIndex = commitIndex
    seen.appliedIndex = index
    this.#checkLevel(name, seen)
  }

  /** R7: the level never falls, and is what every member's program executed at some time. */
  #checkLevel(name: string, seen: Seen): void {
    const { engineLevel } = seen.node.engine
    if (engineLevel === seen.engineLevel) return
    check(engineLevel > seen.engineLevel, () => `${name}: engine level fell from ${seen.engineLevel}`)
    seen.engineLevel = engineLevel
    for (const member of seen.node.host?.replica.configuration.members ?? []) {
      const machine = this.#machines.find((other) => other.name === member.name)
      const newest = machine?.newestProgram ?? 0
      check(
        newest >= engineLevel,
        () => `${name} is at engine level ${engineLevel}, ${member.name} knows ${newest}`,
      )
    }
  }

  #newRole(name: string, seen: Seen, role: string, term: number): void {
    check(term >= seen.term, () => `${name}: term fell from ${seen.term} to ${term}`)
    seen.role = role
    seen.term = term
    if (role !== 'leader') return
    const other = this.#leaders.get(term)
    check(other === undefined || other === name, () => `${other} and ${name} both lead term ${term}`)
    if (other === undefined) this.#checkComplete(name, seen)
    this.#leaders.set(term, name)
  }

  /** Leader completeness (Raft 5.4.3). */
  #checkComplete(name: string, seen: Seen): void {
    const index = this.#highestCommitted
    const committed = this.#committed.get(index)
    const log = seen.node.storage.log.group(GROUP)
    if (committed === undefined || index < log.firstIndex()) return
    const term = log.term(index)
    const what = (): string =>
      `${name} leads term ${seen.term} without the committed entry ${index} of term ${committed.term} (has ${term})`
    check(term === committed.term, what)
  }

  #look(name: string, seen: Seen): void {
    this.#compareEntries(name, seen)
    const replica = seen.node.host?.replica
    if (replica === undefined) return
    const { origin, gate } = replica.clients
    check(
      origin.pendingBytes <= limits.originBytes,
      () => `${name}: ${origin.pendingBytes} bytes of writes wait`,
    )
    check(
      origin.unresolvedCount <= limits.sessionWindow,
      () => `${name}: ${origin.unresolvedCount} unresolved`,
    )
    check(gate.waiting <= 2 * limits.pendingReads, () => `${name}: ${gate.waiting} reads wait`)
  }

  /** State machine safety (Raft 5.4.3): what one node applied at an index, every other does too. */
  #compareEntries(name: string, seen: Seen): void {
    if (seen.comparedIndex >= seen.appliedIndex) return
    const log = seen.node.storage.log.group(GROUP)
    const low = Math.max(seen.comparedIndex + 1, log.firstIndex())
    const high = Math.min(seen.appliedIndex, log.lastIndex())
    if (low > high) return
    const entries = log.entries(low, high + 1, READ_BYTES)
    if (entries === 'pending') {
      seen.comparedIndex = seen.appliedIndex
      return
    }
    if (entries === 'compacted') return
    for (const { index, term, frame } of entries) {
      this.#compare(name, index, { term, crc: crc32(frame), by: name })
      seen.comparedIndex = index
    }
  }

  #compare(name: string, index: number, found: Committed): void {
    const known = this.#committed.get(index)
    if (known === undefined) {
      this.#committed.set(index, found)
      this.#highestCommitted = Math.max(this.#highestCommitted, index)
      return
    }
    this.compared++
    const equal = known.term === found.term && known.crc === found.crc
    const what = (): string =>
      `entry ${index} differs: ${known.by} applied one of term ${known.term}, ${name} one of term ${found.term}`
    check(equal, what)
  }
}
