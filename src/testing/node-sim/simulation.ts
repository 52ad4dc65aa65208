/**
 * Runs one seed: a cluster of whole nodes under faults, with clients, then healed. Everything follows from the seed, so
 * a report with a violation is a bug that can be watched again: `runNodeSeed(seed)`.
 */
import { FIRST_LEVEL } from '../../engine/level.ts'
import { AssertionError, must } from '../../lib/assert.ts'
import { isBug } from '../../lib/coded-error.ts'
import { type Random, SeededRandom } from '../../lib/random.ts'
import { SimNetwork } from '../sim/network.ts'
import { SimWorld } from '../sim/world.ts'
import { Client, type ClientWorld } from './client.ts'
import { Convergence } from './convergence.ts'
import { Faults } from './faults.ts'
import { IdempotentWriter } from './idempotent-writer.ts'
import { check, Invariants, Violation } from './invariants.ts'
import { Machine, ProcessEnded } from './machine.ts'
import { MembershipChanges } from './membership.ts'
import { MessageOrder, Messenger } from './messenger.ts'
import { drawNodeParams, type NodeSimParams } from './params.ts'
import { Recorder } from './recorder.ts'
import { Scripter, ScriptShelf } from './scripter.ts'
import { WatchedHistory, Watcher } from './watcher.ts'

export interface NodeSimOptions {
  /** Overrides of what the seed draws. */
  readonly params?: Partial<NodeSimParams>
  /** Give the last events even of a run without a violation. */
  readonly trace?: boolean
}

export interface NodeSimReport {
  readonly seed: number
  readonly params: NodeSimParams
  /** Of every event: equal for every run of the seed, or something is not deterministic. */
  readonly hash: string
  readonly events: number
  readonly virtualMs: number
  readonly operations: number
  readonly acknowledged: number
  readonly refused: number
  readonly unknown: number
  /** 1 when a history was too hard to judge. */
  readonly undecided: number
  readonly leaders: number
  readonly committed: number
  readonly snapshots: number
  readonly faults: Readonly<Record<string, number>>
  /** The broken promise, or null. */
  readonly violation: string | null
  /** With a violation: the last events, one line each. */
  readonly lines: readonly string[]
}

const REPORT_LINES = 2_000

class Simulation {
  readonly world: SimWorld
  readonly network: SimNetwork
  readonly params: NodeSimParams
  readonly machines: Machine[] = []
  readonly recorder: Recorder
  readonly faults: Faults
  readonly invariants: Invariants
  readonly membership: MembershipChanges
  readonly clients: Client[] = []
  readonly watched = new WatchedHistory()
  readonly watchers: Watcher[] = []
  readonly idempotentWriters: IdempotentWriter[] = []
  readonly messageOrder = new MessageOrder()
  readonly messengers: Messenger[] = []
  readonly scriptShelf = new ScriptShelf()
  readonly scripters: Scripter[] = []
  /** Not forked from the world's: what it decides must not shift what else happens. */
  readonly #watcherRandom: Random
  readonly #founders: readonly string[]
  snapshots = 0
  ownEnds = 0

  constructor(seed: number, options: NodeSimOptions) {
    this.world = new SimWorld(seed, { traceEvents: REPORT_LINES })
    const { world } = this
    this.params = { ...drawNodeParams(world.random.fork('params')), ...options.params }
    const { latencyMs, resetRate, nodes } = this.params
    this.network = new SimNetwork(world, { link: { latencyMs, jitterMs: latencyMs } })
    this.network.resetRate = resetRate
    this.recorder = new Recorder(world)
    this.invariants = new Invariants(this.machines)
    this.membership = new MembershipChanges(
      { world, machines: this.machines, addMachine: () => this.#addMachine() },
      world.random.fork('membership'),
    )
    this.faults = new Faults(this, world.random.fork('faults'))
    this.#watcherRandom = new SeededRandom(seed).fork('watchers')
    this.#founders = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
  }

  run(): void {
    const { params, world } = this
    for (let i = 0; i < params.nodes; i++) this.#addMachine().start()
    const shared: ClientWorld = {
      world,
      params,
      machines: this.machines,
      recorder: this.recorder,
      clocksAgree: params.clockSkewMs === 0,
      nextValue: 1,
    }
    for (let i = 0; i < params.clients; i++)
      this.clients.push(new Client(shared, i, world.random.fork(`client ${i}`)))
    this.#addWatchers()
    for (let i = 0; i < params.scripters; i++) {
      const random = this.#watcherRandom.fork(`scripter ${i}`)
      this.scripters.push(new Scripter(shared, this.scriptShelf, i, random))
    }
    this.faults.begin()
    const endMs = params.faultyMs
    this.runUntil(
      () => world.nowMs >= endMs,
      () => 'the end of the faults',
      Infinity,
    )
    new Convergence(this).run()
  }

  /** Runs events until `condition` holds, which must be within `timeoutMs`. */
  runUntil(condition: () => boolean, what: () => string, timeoutMs: number): void {
    const deadlineMs = this.world.nowMs + timeoutMs
    while (!condition()) {
      this.#step()
      check(this.world.nowMs <= deadlineMs, () => `Not within ${timeoutMs} ms: ${what()}`)
    }
  }

  #addWatchers(): void {
    const { world, machines, params, watched: history } = this
    for (let i = 0; i < params.watchers; i++)
      this.watchers.push(new Watcher({ world, machines, history }, this.#watcherRandom.fork(`watcher ${i}`)))
    for (let i = 0; i < params.idempotentWriters; i++)
      this.idempotentWriters.push(
        new IdempotentWriter(world, machines, `once${i}`, this.#watcherRandom.fork(`writer ${i}`)),
      )
    for (let i = 0; i < params.messengers; i++) {
      const random = this.#watcherRandom.fork(`messenger ${i}`)
      this.messengers.push(new Messenger(world, machines, this.messageOrder, `m${i}`, random))
    }
  }

  #step(): void {
    try {
      must(this.world.step() || null, 'event')
    } catch (error) {
      if (!(error instanceof ProcessEnded)) throw error
    }
    this.invariants.afterEvent()
  }

  #addMachine(): Machine {
    const name = `n${this.machines.length + 1}`
    const known = this.machines.filter((machine) => !machine.removed).map((machine) => machine.name)
    const machine = new Machine({
      network: this.network,
      name,
      params: this.params,
      cluster: this.#founders.includes(name) ? this.#founders : [...known, name],
      program: this.machines.length < this.params.olderPrograms ? FIRST_LEVEL : this.params.engineLevel,
      onEnd: () => {
        this.ownEnds++
      },
      onNode: (node) => {
        if (this.params.messengers > 0) this.messageOrder.follow(node, name)
      },
      note: (text) => {
        if (text.includes('Installed a snapshot')) this.snapshots++
        this.world.note(text)
      },
    })
    this.machines.push(machine)
    return machine
  }
}

export type { Simulation }

/** Runs one seed. A broken promise is in the report; any other error of the simulation itself is thrown. */
export function runNodeSeed(seed: number, options: NodeSimOptions = {}): NodeSimReport {
  const simulation = new Simulation(seed, options)
  const { world, recorder, invariants, faults, membership } = simulation
  let violation: string | null = null
  try {
    simulation.run()
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof AssertionError) && !isBug(error)) throw error
    violation = (error as Error).stack ?? String(error)
  }
  return {
    seed,
    params: simulation.params,
    hash: world.hash,
    events: world.eventCount,
    virtualMs: world.nowMs,
    operations: recorder.operations,
    acknowledged: recorder.acknowledged,
    refused: recorder.refused,
    unknown: recorder.unknown,
    undecided: recorder.undecided,
    leaders: invariants.leaders,
    committed: invariants.committed,
    snapshots: simulation.snapshots,
    faults: {
      ...faults.counts,
      ...membership.counts,
      ownEnds: simulation.ownEnds,
      ...simulation.watched.counts,
      onceWritten: sumOf(simulation.idempotentWriters, (writer) => writer.written),
      ...(simulation.params.messengers === 0 ? {} : simulation.messageOrder.counts),
      onceReplayed: sumOf(simulation.idempotentWriters, (writer) => writer.replayed),
      ...simulation.scriptShelf.counts,
    },
    violation,
    lines: violation === null && options.trace !== true ? [] : trace(simulation),
  }
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}

function trace({ world, machines }: Simulation): string[] {
  return [...world.report(REPORT_LINES).split('\n'), ...machines.map(describe)]
}

/** The state of a machine in one line, for reports. */
function describe(machine: Machine): string {
  const { name, node, sim, removed, wiped, isPaused } = machine
  const state = { running: sim.running, isPaused, removed, wiped }
  const host = node?.host ?? null
  if (node === null || host === null)
    return `${name} ${JSON.stringify({ ...state, status: node?.status().reasons })}`
  const { log } = node.storage
  const { origin, gate } = host.replica.clients
  const clients = {
    session: origin.session,
    unresolved: origin.unresolvedCount,
    held: origin.heldCount,
    reads: gate.waiting,
  }
  const status = {
    ...state,
    core: host.replica.core.status(),
    applier: host.replica.applier.index,
    clients,
    log: log.status(),
  }
  return `${name} first ${log.group(0).firstIndex()} ${JSON.stringify(status)}`
}
