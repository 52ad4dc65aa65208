/**
 * Runs one seed: a cluster of cores under faults, then healed; the checker looks after every step. Everything follows
 * from the seed, so a report with a violation is a bug that can be watched again: `runCoreSeed(seed, { trace: true })`.
 */
import { AssertionError, assert } from '../../lib/assert.ts'
import { type Random, SeededRandom } from '../../lib/random.ts'
import { confOfVoters } from '../../raft/membership.ts'
import type { Message } from '../../raft/messages.ts'
import type { SnapshotMeta } from '../../raft/types.ts'
import { Checker, Violation } from './checker.ts'
import type { Manifest } from './disk.ts'
import { type Cluster, type FaultCounts, Faults } from './faults.ts'
import { foundingEntry } from './founding.ts'
import { chainAfter } from './log-image.ts'
import { SimNetwork } from './network.ts'
import { SIM_GROUP, SimNode, TICK_MS, type World } from './node.ts'
import { drawParams, type SimParams } from './params.ts'
import { Scheduler } from './scheduler.ts'

export interface SimOptions {
  /** Keep the text of every event; slow. */
  readonly trace?: boolean
  /** Overrides of what the seed draws. */
  readonly params?: Partial<SimParams>
  /** Called with every node before it starts for the first time; plants bugs. */
  readonly onNode?: (node: SimNode) => void
}

export interface SimReport {
  readonly seed: number
  readonly params: SimParams
  /** A hash of every event: equal for every run of the seed, or something is not deterministic. */
  readonly hash: number
  readonly events: number
  readonly virtualMs: number
  readonly committed: number
  readonly leaders: number
  readonly reads: number
  readonly messages: { readonly sent: number; readonly dropped: number; readonly duplicated: number }
  readonly faults: FaultCounts
  /** The broken invariant, or null. */
  readonly violation: string | null
  /** With `trace`: the events, one line each. */
  readonly lines: readonly string[]
}

const KEPT_FAILURES = 20

/** How long a healed cluster may take to converge, in election timeouts. */
const CONVERGE_TIMEOUTS = 60

class Simulation implements World, Cluster {
  readonly scheduler = new Scheduler()
  readonly checker = new Checker()
  readonly params: SimParams
  readonly network: SimNetwork
  readonly nodes: SimNode[] = []
  readonly faults: Faults
  readonly lines: string[] = []
  hash = 0
  readonly #random: Random
  readonly #options: SimOptions
  readonly #snapshots = new Map<number, Manifest>()
  #sparesLeft: number
  #clientsStopped = false
  #proposals = 0

  constructor(seed: number, options: SimOptions) {
    const random = new SeededRandom(seed)
    this.#random = random
    this.#options = options
    this.params = { ...drawParams(random.fork('params')), ...options.params }
    this.#sparesLeft = this.params.spares
    this.network = new SimNetwork(this.scheduler, this.params, random.fork('network'))
    this.network.onDeliver = (message) => this.#delivered(message)
    this.faults = new Faults(this, random.fork('faults'))
  }

  send(from: SimNode, message: Message): void {
    this.note(() => `${from.id} sends ${text(message)}`)
    this.network.send(message)
  }

  offerSnapshot(manifest: Manifest): void {
    this.#snapshots.set(manifest.index, manifest)
  }

  fetchSnapshot(from: number, to: SimNode, meta: SnapshotMeta): Manifest | null {
    const source = this.nodes.find((node) => node.id === from)
    if (source === undefined || !source.isUp || !this.network.isOpen(from, to.id)) return null
    return this.#snapshots.get(meta.index) ?? null
  }

  note(line: () => string): void {
    if (this.#options.trace === true) this.lines.push(`${this.scheduler.now.toFixed(2)} ${line()}`)
  }

  addSpare(): SimNode | null {
    if (this.#sparesLeft === 0) return null
    this.#sparesLeft--
    const node = this.#addNode()
    node.start()
    return node
  }

  #addNode(): SimNode {
    const id = this.nodes.length + 1
    const node = new SimNode(id, this, this.#random.fork(`node ${id}`))
    this.nodes.push(node)
    this.network.add(node)
    this.checker.add(node)
    this.#options.onNode?.(node)
    return node
  }

  #delivered(message: Message): void {
    this.#mix(message.from * 64 + message.to)
    this.#mix(message.term * 16 + message.kind.length)
    this.#mix(this.scheduler.now * 1024)
    this.note(() => `${message.to} gets ${text(message)}`)
  }

  #mix(value: number): void {
    this.hash = (Math.imul(this.hash ^ value, 0x01000193) ^ (this.hash >>> 15)) | 0
  }

  /** The phase with faults, then the phase in which everything must come together. */
  run(): void {
    this.#found()
    this.#clients()
    this.faults.begin()
    while (this.scheduler.runOne(this.params.faultyMs)) this.#mix(this.scheduler.scheduled)
    this.#converge()
  }

  #found(): void {
    for (let i = 0; i < this.params.voters; i++) this.#addNode()
    const members = this.nodes.map(({ id }) => ({
      peerId: id,
      name: `${id}`,
      incarnation: '',
      peerAddress: '',
    }))
    const entry = foundingEntry(SIM_GROUP, members)
    this.checker.founded(chainAfter(0, entry))
    const conf = confOfVoters(this.nodes.map((node) => node.id))
    for (const node of this.nodes) {
      node.disk.found(entry, this.params.foundedByEntry ? null : conf)
      this.checker.configured(node, 1, conf)
      node.start()
    }
  }

  #clients(): void {
    const random = this.#random.fork('clients')
    const { proposeMs, readMs } = this.params
    this.#often(random, proposeMs, () => this.#propose(random))
    this.#often(random, readMs, () => this.#readEverywhere())
  }

  #often(random: Random, meanMs: number, action: () => void): void {
    this.scheduler.after(meanMs * 2 * random.float(), () => {
      if (this.#clientsStopped) return
      action()
      this.#often(random, meanMs, action)
    })
  }

  #leader(random: Random): SimNode | null {
    const leaders = this.nodes.filter((node) => node.isUp && node.core?.role === 'leader')
    return leaders[random.below(Math.max(leaders.length, 1))] ?? null
  }

  /** Whoever believes to lead is asked, most of all those who are wrong; a paused node gets it when it wakes up. */
  #readEverywhere(): void {
    for (const node of this.nodes) {
      if (node.core?.role === 'leader') node.later(0, () => node.read())
    }
  }

  #propose(random: Random): void {
    const leader = this.#leader(random)
    if (leader === null) return
    const size = random.float() < 0.1 ? random.below(2000) : 8 + random.below(40)
    const payload = Buffer.alloc(size)
    this.#proposals++
    payload.write(`${this.#proposals}`)
    leader.propose(payload)
  }

  #converge(): void {
    this.note(() => 'heal')
    this.#clientsStopped = true
    this.faults.end()
    const random = this.#random.fork('converge')
    const timeoutMs = this.params.electionTicks * TICK_MS
    const limit = this.scheduler.now + CONVERGE_TIMEOUTS * timeoutMs + 1000
    let next = this.scheduler.now
    let proposals = 0
    while (this.scheduler.runOne(limit)) {
      if (this.scheduler.now < next) continue
      next = this.scheduler.now + timeoutMs
      if (this.#hasConverged()) return
      // A few more, so that whoever is behind must notice; then silence, so that all can arrive.
      if (proposals++ < 10) this.#propose(random)
    }
    throw new Violation(`a healed cluster converges: not within ${CONVERGE_TIMEOUTS} election timeouts`)
  }

  #hasConverged(): boolean {
    let newest: SimNode | null = null
    for (const node of this.nodes) {
      if (node.core?.role !== 'leader') continue
      if (newest === null || node.running.term > newest.running.term) newest = node
    }
    return newest !== null && this.checker.converged(newest)
  }
}

function text(message: Message): string {
  return JSON.stringify(message, (key, value) =>
    key === 'frame' || (key === 'kind' && typeof value === 'number') ? undefined : value,
  )
}

/** Runs one seed. A broken invariant is in the report; any other error of the simulation itself is thrown. */
export function runCoreSeed(seed: number, options: SimOptions = {}): SimReport {
  const simulation = new Simulation(seed, options)
  let violation: string | null = null
  try {
    simulation.run()
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof AssertionError)) throw error
    violation = `${error.name}: ${error.message}`
    simulation.note(() => `${error.stack}`)
  }
  const { network, checker, scheduler, faults } = simulation
  return {
    seed,
    params: simulation.params,
    hash: simulation.hash,
    events: scheduler.scheduled,
    virtualMs: scheduler.now,
    committed: checker.maxCommitted,
    leaders: checker.leaders,
    reads: checker.reads,
    messages: { sent: network.sent, dropped: network.dropped, duplicated: network.duplicated },
    faults: faults.counts,
    violation,
    lines: simulation.lines,
  }
}

export interface SimSummary {
  readonly seeds: number
  readonly events: number
  readonly committed: number
  readonly leaders: number
  readonly reads: number
  readonly faults: FaultCounts
  /** Reports of seeds that broke an invariant, the first 20. */
  readonly failures: readonly SimReport[]
  readonly failed: number
}

export interface SeedRange extends SimOptions {
  readonly from: number
  readonly count: number
  /** Stop at the first violation. */
  readonly stopAtFirst?: boolean
  /** Every so many seeds one is run twice and its hashes compared; 0 = never. Default 50. */
  readonly checkEvery?: number
  readonly onReport?: (report: SimReport) => void
}

/** Runs seeds from, from + 1, ...; a run that is not deterministic throws. */
export function runCoreSeeds(range: SeedRange): SimSummary {
  const { from, count, stopAtFirst = false, checkEvery = 50 } = range
  const total = { seeds: 0, events: 0, committed: 0, leaders: 0, reads: 0, failed: 0 }
  const faults: FaultCounts = {}
  const failures: SimReport[] = []
  for (let seed = from; seed < from + count; seed++) {
    const report = runCoreSeed(seed, range)
    if (checkEvery > 0 && seed % checkEvery === 0) assertSame(report, runCoreSeed(seed, range))
    range.onReport?.(report)
    total.seeds++
    total.events += report.events
    total.committed += report.committed
    total.leaders += report.leaders
    total.reads += report.reads
    for (const [kind, times] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + times
    if (report.violation === null) continue
    total.failed++
    if (failures.length < KEPT_FAILURES) failures.push(report)
    if (stopAtFirst) break
  }
  return { ...total, faults, failures }
}

function assertSame(first: SimReport, second: SimReport): void {
  assert(first.hash === second.hash, () => `Seed ${first.seed} is not deterministic`)
}
