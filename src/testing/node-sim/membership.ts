/**
 * Membership changes of a simulated cluster, one at a time, as an operator makes them: asks any node, and asks again
 * until the configuration says that it is done.
 */
import type { AdminRequest } from '../../cluster/execute.ts'
import type { Random } from '../../lib/random.ts'
import type { SimWorld } from '../sim/world.ts'
import { addressOf, type Machine } from './machine.ts'

const NODES_MAX = 6
const ASK_AGAIN_MS = 400

export interface MembershipOptions {
  readonly world: SimWorld
  readonly machines: readonly Machine[]
  /** Makes a machine that is no member yet. */
  readonly addMachine: () => Machine
}

interface Change {
  readonly request: AdminRequest
  readonly machine: Machine
  readonly isDone: (
    members: readonly { name: string; peerId: number }[],
    voters: readonly number[],
  ) => boolean
}

export class MembershipChanges {
  readonly #options: MembershipOptions
  readonly #random: Random
  #change: Change | null = null
  readonly counts: Record<string, number> = {}

  constructor(options: MembershipOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  get isBusy(): boolean {
    return this.#change !== null
  }

  get description(): string {
    return JSON.stringify(this.#change?.request ?? null)
  }

  /** Begins a change unless one is under way; false when it began none. */
  change(random: Random): boolean {
    if (this.#change !== null) return false
    const members = this.#options.machines.filter((machine) => !machine.removed)
    if (members.length < 3) return false
    const kind = random.below(3)
    if (kind === 0 && members.length < NODES_MAX) return this.#add()
    if (kind === 1 && members.length > 3)
      return this.#remove(members[random.below(members.length)] as Machine)
    return this.#replace(members[random.below(members.length)] as Machine, members)
  }

  #add(): boolean {
    const machine = this.#options.addMachine()
    machine.start()
    return this.#begin({
      request: { kind: 'addNode', name: machine.name, peerAddress: addressOf(machine.name) },
      machine,
      isDone: (_members, voters) => voters.includes(machine.node?.status().peerId ?? -1),
    })
  }

  #remove(machine: Machine): boolean {
    machine.removing = true
    return this.#begin({
      request: { kind: 'removeNode', name: machine.name },
      machine,
      isDone: (members) => members.every((member) => member.name !== machine.name),
    })
  }

  /** Empties a node's disk; all others must be well, for one copy of everything is lost. */
  #replace(machine: Machine, members: readonly Machine[]): boolean {
    const others = members.filter((other) => other !== machine)
    if (others.length < 2 || !others.every((other) => other.isUp && !other.isPaused)) return false
    machine.wipe()
    machine.start()
    const { name } = machine
    return this.#begin({
      request: { kind: 'replaceNode', old: name, name, peerAddress: addressOf(name) },
      machine,
      isDone: (all, voters) =>
        voters.includes(machine.node?.status().peerId ?? -1) &&
        all.filter((member) => member.name === name).length === 1,
    })
  }

  #begin(change: Change): boolean {
    this.#change = change
    const { kind } = change.request
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    this.#options.world.note(`membership: ${JSON.stringify(change.request)}`)
    this.#pursue()
    return true
  }

  #pursue(): void {
    const change = this.#change
    if (change === null) return
    if (this.#isDone(change)) return this.#finish(change)
    const asked = this.#options.machines.filter((machine) => machine.isUp && machine !== change.machine)
    asked[this.#random.below(Math.max(1, asked.length))]?.ask(change.request, () => {})
    this.#options.world.schedule(ASK_AGAIN_MS, 'membership', () => this.#pursue())
  }

  #isDone(change: Change): boolean {
    for (const { node } of this.#options.machines) {
      const replica = node?.host?.replica
      if (replica === undefined || !replica.leading) continue
      const { members, confState } = replica.configuration
      const settled = confState.votersOutgoing.length === 0
      if (settled && change.isDone(members, confState.voters)) return true
    }
    return false
  }

  #finish(change: Change): void {
    this.#options.world.note(`membership done: ${JSON.stringify(change.request)}`)
    this.#change = null
    change.machine.wiped = false
    if (change.request.kind !== 'removeNode') return
    change.machine.removed = true
    change.machine.kill()
  }
}
