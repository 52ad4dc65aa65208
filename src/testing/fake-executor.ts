/**
 * A node without a cluster, for tests of the doors: the real engine on a store in memory, every write its own
 * entry, replies at once or when the test says so.
 */
import type {
  AdminRequest,
  ExecuteDone,
  ExecuteOptions,
  Executor,
  NodeStatus,
  Result,
  Session,
} from '../cluster/execute.ts'
import { commandTable } from '../engine/command-table.ts'
import { KvEngine } from '../engine/engine.ts'
import { isScan, scanPage, scanPlan } from '../engine/scan.ts'
import type { Command, CommandSpec } from '../protocol/commands.ts'
import { MapStore } from './map-store.ts'

export interface FakeExecutorOptions {
  /** Keeps replies back until release(). */
  readonly isHolding?: boolean
}

export class FakeExecutor implements Executor {
  readonly commands: ReadonlyMap<string, CommandSpec> = commandTable
  readonly engine: KvEngine
  readonly store = new MapStore()
  /** Every command that came, oldest first, while `isRecording`. */
  readonly seen: { command: Command; options: ExecuteOptions }[] = []
  isRecording = false
  isHolding: boolean
  /** Laid over status(). */
  overrides: Partial<NodeStatus> = {}
  shutdowns: boolean[] = []
  openSessions = 0
  replicas = 0
  #held: (() => void)[] = []
  #lastSession = 0
  #sequence = 0
  #nowMs = 1_700_000_000_000

  constructor(options: FakeExecutorOptions = {}) {
    this.isHolding = options.isHolding ?? false
    this.engine = new KvEngine(this.store)
    this.engine.openSession(1, 1, 'boot')
  }

  get held(): number {
    return this.#held.length
  }

  execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void {
    if (this.isRecording) this.seen.push({ command, options })
    if (this.isHolding) this.#held.push(() => done(this.#run(command)))
    else done(this.#run(command))
  }

  /** Runs what is held: the oldest `count`, or all. */
  release(count = this.#held.length): void {
    for (const run of this.#held.splice(0, count)) run()
  }

  openSession(): Session {
    this.openSessions++
    return { id: ++this.#lastSession, closed: false, lastWrite: 0 }
  }

  closeSession(_session: Session): void {
    this.openSessions--
  }

  status(): NodeStatus {
    return {
      ...baseStatus(),
      keyspace: this.engine.keyspace(),
      revision: this.engine.revision,
      ...this.overrides,
    }
  }

  admin(_request: AdminRequest, done: (error: string | null) => void): void {
    done('a fake executor has no cluster')
  }

  replicasHolding(_session: Session): number {
    return this.replicas
  }

  shutdown(now: boolean): void {
    this.shutdowns.push(now)
  }

  #run(command: Command): Result {
    if (isScan(command)) return { reply: this.#scan(command), error: null }
    if (command.spec.kind === 'read') {
      const outcome = this.engine.executeRead(command, this.engine.stampMs)
      if (outcome.kind === 'reply') return { reply: outcome.reply, error: null }
      throw new Error('A read at the stamp never needs a tick')
    }
    this.engine.beginEntry(++this.#nowMs)
    const { spec, database, args } = command
    const sequence = ++this.#sequence
    const reply = this.engine.executeWrite({ code: spec.code, database, args: [...args] }, 1, sequence)
    this.engine.advanceFloor(1, sequence + 1)
    return { reply, error: null }
  }

  #scan(command: Command): Buffer {
    const plan = scanPlan(this.engine, command)
    if (Buffer.isBuffer(plan)) return plan
    return scanPage(plan, this.store.range(plan.from, plan.to, plan.limit), this.engine.stampMs)
  }
}

function baseStatus(): NodeStatus {
  return {
    name: 'node1',
    peerId: 1,
    clusterId: 'c1',
    bootId: 'b1',
    version: '0.0.0-test',
    role: 'leader',
    term: 3,
    leader: 'node1',
    leaderRedisAddress: '127.0.0.1:6379',
    leaderHttpAddress: '127.0.0.1:8080',
    redisAddress: '127.0.0.1:6379',
    httpAddress: '127.0.0.1:8080',
    commitIndex: 42,
    appliedIndex: 42,
    lastIndex: 42,
    firstIndex: 1,
    revision: 0,
    confState: { voters: [1], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false },
    peers: [],
    quorum: true,
    keyspace: [],
    space: 'ok',
    ready: true,
    reasons: [],
    counters: {},
  }
}
