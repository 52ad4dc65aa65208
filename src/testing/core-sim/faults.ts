/**
 * What happens to a simulated cluster beside its clients: crashes, pauses, partitions, disk stalls, wrong hints,
 * membership changes, transfers of leadership, compactions. Every kind has its own rate and its own generator.
 */
import type { Random } from '../../lib/random.ts'
import { allPeers, isVoter } from '../../raft/membership.ts'
import type { ConfChangeStep } from '../../raft/types.ts'
import type { SimNetwork } from './network.ts'
import { type SimNode, TICK_MS } from './node.ts'
import type { SimParams } from './params.ts'
import type { Scheduler } from './scheduler.ts'

export interface Cluster {
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  readonly params: SimParams
  /** Every node that was ever started. */
  readonly nodes: SimNode[]
  /** Starts an empty node that no configuration knows yet; null when none is left. */
  addSpare(): SimNode | null
  note(text: () => string): void
}

export type FaultCounts = Record<string, number>

export class Faults {
  readonly #cluster: Cluster
  readonly #random: Random
  readonly counts: FaultCounts = {}
  #ended = false

  constructor(cluster: Cluster, random: Random) {
    this.#cluster = cluster
    this.#random = random
  }

  begin(): void {
    const { params } = this.#cluster
    this.#every('crash', params.crashMs, (random) => this.#crash(random))
    this.#every('pause', params.pauseMs, (random) => this.#pause(random))
    this.#every('partition', params.partitionMs, (random) => this.#partition(random))
    this.#every('membership', params.membershipMs, (random) => this.#changeMembers(random))
    this.#every('transfer', params.transferMs, (random) => this.#transfer(random))
    this.#every('compact', params.compactMs, (random) => this.#compact(random))
    this.#every('hint', params.hintMs, (random) => this.#hint(random))
    this.#every('stall', params.stallMs, (random) => this.#stall(random))
  }

  /** Heals everything: every node that ever was runs, awake, with a disk that works. */
  end(): void {
    this.#ended = true
    this.#cluster.network.heal()
    for (const node of this.#cluster.nodes) {
      node.pausedUntil = 0
      node.stalledUntil = 0
      node.healthyDisk = true
      if (node.core === null) node.start()
      else node.call((core) => core.setHeartbeatsWithheld(false))
    }
  }

  #every(kind: string, meanMs: number, action: (random: Random) => boolean): void {
    if (meanMs === 0) return
    const random = this.#random.fork(kind)
    const again = (): void => {
      this.#cluster.scheduler.after(meanMs * (0.2 + 1.6 * random.float()), () => {
        if (this.#ended) return
        if (action(random)) this.counts[kind] = (this.counts[kind] ?? 0) + 1
        again()
      })
    }
    again()
  }

  #pick(random: Random, allowed: (node: SimNode) => boolean): SimNode | null {
    const candidates = this.#cluster.nodes.filter(allowed)
    return candidates.length === 0 ? null : (candidates[random.below(candidates.length)] ?? null)
  }

  /** Some node that believes to lead, preferred over a random one: that is where things break. */
  #victim(random: Random): SimNode | null {
    const leader = random.float() < 0.4 ? this.#leader(random) : null
    return leader ?? this.#pick(random, (node) => node.isUp)
  }

  #leader(random: Random): SimNode | null {
    return this.#pick(random, (node) => node.isUp && node.core?.role === 'leader')
  }

  #crash(random: Random): boolean {
    const node = this.#victim(random)
    if (node === null) return false
    this.#cluster.note(() => `crash ${node.id}`)
    node.crash()
    this.#hintOthers(random, node)
    const downMs = random.float() < 0.5 ? random.below(30) : random.below(500)
    this.#cluster.scheduler.after(downMs, () => {
      if (this.#ended || node.core !== null) return
      this.#cluster.note(() => `start ${node.id}`)
      node.start()
    })
    return true
  }

  /** Connections to a dead node are reset: its followers forget it, some at once, some later, some never. */
  #hintOthers(random: Random, dead: SimNode): void {
    if (this.#cluster.params.hintMs === 0) return
    for (const node of this.#cluster.nodes) {
      if (node === dead || node.core?.leader !== dead.id || random.float() < 0.2) continue
      node.later(random.float() * 30, () => {
        node.call((core) => core.forgetLeader())
        node.later(40, () => node.call((core) => core.campaignSoon(1 + random.below(3))))
      })
    }
  }

  #pause(random: Random): boolean {
    const node = this.#victim(random)
    if (node === null) return false
    const ms = random.float() < 0.5 ? random.below(50) : random.below(600)
    this.#cluster.note(() => `pause ${node.id} for ${ms} ms`)
    node.pausedUntil = this.#cluster.scheduler.now + ms
    return true
  }

  #partition(random: Random): boolean {
    const { network, nodes, scheduler } = this.#cluster
    network.healLinks()
    const shape = random.below(5)
    const leader = this.#leader(random)
    const alone = leader !== null && random.float() < 0.5 ? leader.id : nodes[random.below(nodes.length)]?.id
    const side = new Set(nodes.filter(() => random.float() < 0.5).map((node) => node.id))
    for (const { id: from } of nodes) {
      for (const { id: to } of nodes) {
        if (from !== to && isCut(shape, from, to, alone ?? 0, side, random)) network.block(from, to)
      }
    }
    this.#cluster.note(() => `partition, shape ${shape}, alone ${alone}, side ${[...side]}`)
    scheduler.after(random.below(500), () => {
      if (!this.#ended) network.healLinks()
    })
    return true
  }

  #changeMembers(random: Random): boolean {
    const leader = this.#leader(random)
    if (leader === null) return false
    const steps = this.#drawSteps(random, leader)
    if (steps.length === 0) return false
    this.#cluster.note(() => `change members by ${JSON.stringify(steps)}`)
    leader.proposeConfChange({ steps, members: [] })
    return true
  }

  #drawSteps(random: Random, leader: SimNode): ConfChangeStep[] {
    const conf = leader.running.confState
    const steps: ConfChangeStep[] = []
    const voters = conf.voters.filter((peer) => isVoter(conf, peer))
    const anyVoter = (): number => voters[random.below(voters.length)] ?? 0
    const count = random.float() < 0.6 ? 1 : 2 + random.below(2)
    for (let i = 0; i < count; i++) {
      const learner = conf.learners[random.below(Math.max(conf.learners.length, 1))]
      const draw = random.below(6)
      if (draw === 0) this.#addSpare(steps, 'addLearner')
      else if (draw === 1) this.#addSpare(steps, 'addVoter')
      else if (draw === 2 && learner !== undefined) steps.push({ kind: 'addVoter', peer: learner })
      else if (draw === 3 && voters.length > 1) steps.push({ kind: 'addLearner', peer: anyVoter() })
      else if (draw === 4 && voters.length > 1) steps.push({ kind: 'remove', peer: anyVoter() })
      else if (draw === 5 && learner !== undefined) steps.push({ kind: 'remove', peer: learner })
    }
    return steps
  }

  /** A newcomer: one that was started for an earlier attempt and never became a member, or a new one. */
  #addSpare(steps: ConfChangeStep[], kind: 'addVoter' | 'addLearner'): void {
    const known = new Set(
      this.#cluster.nodes.flatMap((node) => allPeers(node.core?.confState ?? node.disk.manifest.conf)),
    )
    const idle = this.#cluster.nodes.find((node) => !known.has(node.id) && !node.joined)
    const node = idle ?? this.#cluster.addSpare()
    if (node === null || steps.some((step) => step.peer === node.id)) return
    steps.push({ kind, peer: node.id })
  }

  #transfer(random: Random): boolean {
    const leader = this.#leader(random)
    const target = this.#pick(random, (node) => node !== leader)
    if (leader === null || target === null) return false
    this.#cluster.note(() => `transfer from ${leader.id} to ${target.id}`)
    leader.call((core) => core.transferLeadership(target.id))
    return true
  }

  #compact(random: Random): boolean {
    const node = this.#pick(random, (each) => each.isUp)
    node?.compact()
    return node !== null
  }

  /** A wrong hint: the leader is fine. */
  #hint(random: Random): boolean {
    const node = this.#pick(random, (each) => each.isUp)
    node?.call((core) => core.forgetLeader())
    return node !== null
  }

  /** R4: the disk hangs; once the node notices it falls silent and tries to hand over. */
  #stall(random: Random): boolean {
    const node = this.#victim(random)
    if (node === null) return false
    const ms = 100 + random.below(500)
    this.#cluster.note(() => `disk of ${node.id} stalls for ${ms} ms`)
    node.stalledUntil = this.#cluster.scheduler.now + ms
    if (random.float() < 0.3) return true
    const target = this.#pick(random, (each) => each.isUp && each !== node)
    node.later(3 * TICK_MS, () => {
      if (this.#ended) return
      node.call((core) => core.setHeartbeatsWithheld(true))
      if (target !== null) node.call((core) => core.transferLeadership(target.id))
    })
    node.later(ms, () => node.call((core) => core.setHeartbeatsWithheld(false)))
    return true
  }
}

/** Does a partition of this shape cut the link? One node alone, two sides, one-way, random links, or none. */
function isCut(
  shape: number,
  from: number,
  to: number,
  alone: number,
  side: ReadonlySet<number>,
  random: Random,
): boolean {
  if (shape === 0) return from === alone || to === alone
  if (shape === 1) return side.has(from) !== side.has(to)
  if (shape === 2) return from === alone
  if (shape === 3) return to === alone
  return random.float() < 0.3
}
