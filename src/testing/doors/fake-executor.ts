/**
 * A node without a cluster, for tests of the doors: the real engine on a store in memory, every write its own
 * entry, replies at once or when the test says so.
 */

import type { SnapshotDone, SnapshotOptions } from '../../cluster/clients/listing.ts'
import { Listings } from '../../cluster/clients/listings.ts'
import { EffectsHub } from '../../cluster/effects-hub.ts'
import type {
  AdminRequest,
  EffectsListener,
  ExecuteDone,
  ExecuteOptions,
  Executor,
  Measurements,
  NodeStatus,
  Position,
  Result,
  Session,
} from '../../cluster/execute.ts'
import type { Watch, WatchOptions } from '../../cluster/watches/watch.ts'
import { WatchHistory } from '../../cluster/watches/watch-history.ts'
import { WatchHub } from '../../cluster/watches/watch-hub.ts'
import { commandTable } from '../../engine/command-table.ts'
import { KvEngine } from '../../engine/engine.ts'
import { ENGINE_LEVEL } from '../../engine/level.ts'
import { isRandomKey, pickRandomKey, randomKeyPlan } from '../../engine/random-key.ts'
import { isScan, scanPage, scanPlan } from '../../engine/scan.ts'
import type { SettingName } from '../../engine/settings.ts'
import { Histogram } from '../../lib/histogram.ts'
import type { Command, CommandSpec } from '../../protocol/commands.ts'
import { limits } from '../../protocol/limits.ts'
import { NULL_REPLY } from '../../protocol/reply.ts'
import { MapStore } from '../storage/map-store.ts'

export interface FakeExecutorOptions {
  /** Keeps replies back until release(). */
  readonly isHolding?: boolean
  readonly watchHistoryBytes?: number
}

export class FakeExecutor implements Executor {
  readonly commands: ReadonlyMap<string, CommandSpec> = commandTable
  readonly engine: KvEngine
  readonly store = new MapStore()
  readonly effects: EffectsHub
  readonly watches: WatchHub
  readonly listings: Listings
  /** Every command that came, oldest first, while `isRecording`. */
  readonly seen: { command: Command; options: ExecuteOptions }[] = []
  isRecording = false
  isHolding: boolean
  /** Laid over status(). */
  overrides: Partial<NodeStatus> = {}
  /** While it does not lead. */
  sinceLedMs = Infinity
  shutdowns: boolean[] = []
  openSessions = 0
  replicas = 0
  /** What takeExecutedMs() gives next. */
  executedMs = 0
  #held: (() => void)[] = []
  #lastSession = 0
  #sequence = 0
  #nowMs = 1_700_000_000_000

  constructor(options: FakeExecutorOptions = {}) {
    this.isHolding = options.isHolding ?? false
    this.engine = new KvEngine(this.store)
    this.engine.raiseLevel(ENGINE_LEVEL)
    this.engine.openSession(1, 1, 'boot')
    this.effects = new EffectsHub(this.engine)
    this.watches = new WatchHub({
      clock: {
        monotonicMs: () => 0,
        wallMs: () => 0,
        setTimer: () => ({ cancel() {} }),
        defer: setImmediate,
      },
      history: new WatchHistory(options.watchHistoryBytes ?? limits.watchHistoryBytes),
      revision: () => this.engine.revision,
    })
    this.effects.listen(this.watches)
    this.listings = new Listings({
      engine: this.engine,
      store: this.store,
      execute: (command, executeOptions, done) => this.execute(command, executeOptions, done),
      atBoundary: (_deadlineMs, done) => done(true),
    })
  }

  get held(): number {
    return this.#held.length
  }

  execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void {
    if (this.isRecording) this.seen.push({ command, options })
    const run = (): void => done(this.#run(command, options.session))
    if (this.isHolding) this.#held.push(run)
    else run()
  }

  /** Runs what is held: the oldest `count`, or all. */
  release(count = this.#held.length): void {
    for (const run of this.#held.splice(0, count)) run()
  }

  /** Runs what was held last. */
  releaseLast(): void {
    this.#held.pop()?.()
  }

  /** Deletes what is due a millisecond after the last write, as the leader would. */
  expireDue(): void {
    this.engine.beginEntry(++this.#nowMs)
    const { from, to } = this.engine.expiryRange(this.#nowMs)
    const due = this.store.range(from, to, 1_000).flatMap(({ key, value }) => {
      return this.engine.parseExpiryRow(key, value) ?? []
    })
    this.effects.setAuthor(null)
    this.engine.executeWrite({ database: 0, ...this.engine.expireCommand(due) }, 1, ++this.#sequence)
  }

  openSession(): Session {
    this.openSessions++
    return { id: ++this.#lastSession, closed: false, lastWrite: 0 }
  }

  closeSession(_session: Session): void {
    this.openSessions--
  }

  listen(listener: EffectsListener): () => void {
    return this.effects.listen(listener)
  }

  wantNotices(classes: number): void {
    this.engine.wantNotices(classes)
  }

  setting(name: SettingName): string | null {
    return this.engine.setting(name)
  }

  status(): NodeStatus {
    return {
      ...baseStatus(),
      keyspace: this.engine.keyspace(),
      revision: this.engine.revision,
      checks: (this.overrides.reasons ?? []).map((failure) => ({ name: 'fake', failure })),
      ...this.overrides,
    }
  }

  get oldestWatchRevision(): number {
    return this.watches.history.oldestRevision
  }

  position(): Position {
    const { name, leader, term, appliedIndex, revision } = this.status()
    const sinceLedMs = leader === name ? 0 : this.sinceLedMs
    return { node: name, leader, term, appliedIndex, revision, sinceLedMs }
  }

  openSnapshot(options: SnapshotOptions, done: SnapshotDone): void {
    this.listings.open(options, done)
  }

  watch(options: WatchOptions, onReady: () => void): Watch | null {
    return this.watches.open(options, onReady)
  }

  measurements(): Measurements {
    const stages = { queued: new Histogram(), applied: new Histogram() }
    const watches = { open: 0, historyBytes: 0, oldestRevision: 0 }
    return { stages, logSync: new Histogram(), peers: [], clockSkewMs: 0, watches }
  }

  takeExecutedMs(): number {
    const ms = this.executedMs
    this.executedMs = 0
    return ms
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

  #run(command: Command, author: Session): Result {
    if (isRandomKey(command)) return { reply: this.#randomKey(command), error: null }
    if (isScan(command)) return { reply: this.#scan(command), error: null }
    if (command.spec.kind === 'read') {
      const outcome = this.engine.executeRead(command, this.engine.stampMs)
      if (outcome.kind === 'reply') return { reply: outcome.reply, error: null }
      throw new Error('A read at the stamp never needs a tick')
    }
    this.engine.beginEntry(++this.#nowMs)
    const { spec, database, args } = command
    const sequence = ++this.#sequence
    this.effects.setAuthor(author)
    const reply = this.engine.executeWrite({ code: spec.code, database, args: [...args] }, 1, sequence)
    this.engine.advanceFloor(1, sequence + 1)
    return { reply, error: null }
  }

  #randomKey(command: Command): Buffer {
    const { from, to, fraction } = randomKeyPlan(this.engine, command)
    const place = this.store.seek(from, to, fraction)
    const rows = place === null ? [] : this.store.range(place.from, to, 1)
    return pickRandomKey(rows, this.engine.stampMs, fraction) ?? NULL_REPLY
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
    checks: [],
    counters: {},
  }
}
