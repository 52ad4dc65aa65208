/**
 * What the connections of one node share: the executor, the tables, counters, who is connected. One object
 * per openDoors(); nothing here knows sockets.
 */
import type { Socket } from 'node:net'
import type { SnapshotDone, SnapshotOptions } from '../cluster/clients/listing.ts'
import type {
  Consistency,
  ExecuteDone,
  ExecuteOptions,
  Executor,
  Principal,
  Session,
} from '../cluster/execute.ts'
import { internalCommands } from '../engine/command-table.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { argumentBytes, type Command, type CommandSpec } from '../protocol/commands.ts'
import type { Client, LocalCommand } from './client.ts'
import type { DoorsConfig, DoorsOptions, LevelSwitch, Log } from './config.ts'
import { type ConfigParameter, findParameter } from './config-parameters.ts'
import { Clients } from './connection/clients.ts'
import { FlushList } from './connection/flush-list.ts'
import { InFlight } from './connection/in-flight.ts'
import { ReplyBudget } from './connection/reply-budget.ts'
import { Answers } from './http/answers/answers.ts'
import { Monitors } from './monitors.ts'
import { Pause } from './pause.ts'
import { PubSub } from './pubsub/pubsub.ts'
import { Commands } from './registry/commands.ts'
import { ScanCursors } from './scan-cursors.ts'
import { Credentials } from './security/credentials.ts'
import { RuntimeMonitor } from './stats/runtime-monitor.ts'
import { SlowWatch } from './stats/slow-watch.ts'
import { DoorStats } from './stats/stats.ts'
import { TurnClock } from './stats/turn-clock.ts'
import { LineBudget } from './text/line-budget.ts'
import { Tracking } from './tracking/tracking.ts'
import { Tuning } from './tuning.ts'

const SAMPLE_MS = 100
const DEFAULT_USER = 'default'

export class Door {
  readonly executor: Executor
  readonly clock: Clock
  readonly config: DoorsConfig
  readonly log: Log
  readonly logLevel: LevelSwitch
  /** NaN without TLS. */
  readonly certificateEndsMs: () => number
  readonly acceptPeer: ((socket: Socket) => void) | null
  readonly commands: Commands
  readonly slow: SlowWatch
  readonly monitors: Monitors
  readonly pause: Pause
  readonly pubsub: PubSub
  readonly tracking: Tracking
  readonly tuning: Tuning
  readonly turn: TurnClock
  readonly stats = new DoorStats()
  readonly runtime: RuntimeMonitor
  readonly flushes = new FlushList()
  readonly inFlight = new InFlight(this.flushes)
  readonly replyBudget = new ReplyBudget()
  readonly httpReplies: Answers
  readonly lineBudget = new LineBudget()
  readonly clients = new Clients()
  readonly cursors: ScanCursors
  readonly principal: Principal = { name: DEFAULT_USER }
  readonly startedAtMs: number
  readonly credentials: Credentials
  /** Of this node, since its start. */
  readonly changedParameters = new Set<ConfigParameter>()
  readonly rewriteConfig: (values: ReadonlyMap<string, string | number>) => Promise<void>
  /** The Redis port speaks TLS. */
  readonly hasRedisTls: boolean
  readonly #takeWorkMs = (): number => this.executor.takeExecutedMs()
  #sampler: Timer | null = null
  #sampledAtMs: number
  /** Bound ports, known once the doors listen. */
  redisPort = 0
  httpPort = 0
  /** The open client connections of all ports. */
  sockets: ReadonlySet<unknown> = new Set()
  /** Not ready any more, though it still serves. */
  isLeaving = false
  /** Nothing new is begun (R17). */
  isClosing = false
  /** R17: called when the doors close: answers without an end come to theirs. */
  readonly endings: (() => void)[] = []

  constructor(options: DoorsOptions, local: readonly LocalCommand[]) {
    this.executor = options.executor
    this.clock = options.clock
    this.config = options.config
    this.log = options.log
    this.logLevel = options.logLevel ?? { level: 'info' }
    this.certificateEndsMs = options.certificateEndsMs ?? (() => Number.NaN)
    this.acceptPeer = options.acceptPeer ?? null
    this.turn = new TurnClock(options.clock)
    this.httpReplies = new Answers(options.clock, options.config)
    this.runtime = new RuntimeMonitor(options.clock)
    this.slow = new SlowWatch(options.clock)
    this.monitors = new Monitors(options.clock)
    this.pause = new Pause(options.clock, () => this.#pauseChanged())
    this.pubsub = new PubSub({
      executor: this.executor,
      log: this.log,
      notices: this.config.notifyKeyspaceEvents,
    })
    this.tracking = new Tracking(this.executor, this.clients.resp)
    this.tuning = new Tuning(options.config)
    this.commands = new Commands(options.executor.commands.values(), local, this.turn, this.slow)
    this.cursors = new ScanCursors(options.executor.status().bootId)
    this.startedAtMs = options.clock.monotonicMs()
    const { password, previousPassword } = options.config
    this.hasRedisTls = (options.tls?.redis ?? null) !== null
    this.credentials = new Credentials(options.clock, password, previousPassword)
    this.rewriteConfig = options.rewriteConfig ?? (() => Promise.reject(new Error('it is not written here')))
    for (const [name, value] of Object.entries(options.config.parameters)) {
      const change = findParameter(name)?.change
      if (change?.kind === 'here') change.apply(this, value)
    }
    this.#sampledAtMs = this.startedAtMs
    this.#sample()
  }

  get hasPassword(): boolean {
    return this.credentials.hasPassword
  }

  /** Options for the commands that a session gives at `nowMs`. */
  executeOptions(session: Session, nowMs: number, consistency: Consistency = 'linearizable'): ExecuteOptions {
    return {
      session,
      consistency,
      deadlineMs: nowMs + this.config.commandTimeoutMs,
      principal: this.principal,
    }
  }

  /**
   * Executes a command of a client that is no RESP connection (those do the same in their own way): counted, timed,
   * held back while CLIENT PAUSE says so. `peer` is whom the slow log names.
   */
  execute(command: Command, options: ExecuteOptions, peer: string, done: ExecuteDone): void {
    const { spec, args } = command
    const bytes = argumentBytes(command)
    const sinceMs = this.turn.nowMs()
    const stats = this.commands.find(spec.name)?.stats ?? null
    this.inFlight.add(bytes)
    if (stats !== null) stats.calls++
    this.whenAllowed(spec, options, (allowed) => {
      this.executor.execute(command, allowed, (result) => {
        this.inFlight.remove(bytes)
        stats?.answered(result.reply, sinceMs, { peer, name: '', takeWorkMs: this.#takeWorkMs }, args)
        done(result)
      })
    })
  }

  /** The same for a snapshot: a read of unknown size. */
  openSnapshot(options: SnapshotOptions, done: SnapshotDone): void {
    this.whenAllowed(internalCommands.kvRead, options, ({ deadlineMs }) => {
      this.executor.openSnapshot({ ...options, deadlineMs }, (snapshot, error) => {
        done(snapshot === null ? null : this.httpReplies.turns.pace(snapshot), error)
      })
    })
  }

  /** CLIENT PAUSE: calls `go` at once, or when the pause is over, the time of the command counted from then. */
  whenAllowed(spec: CommandSpec, options: ExecuteOptions, go: (options: ExecuteOptions) => void): void {
    if (!this.pause.isActive) return go(options)
    this.pause.pass(spec, options.session, () => {
      go({ ...options, deadlineMs: this.clock.monotonicMs() + this.config.commandTimeoutMs })
    })
  }

  /** A RESP client is gone. */
  forget(client: Client): void {
    this.clients.delete(client)
    this.monitors.delete(client)
    this.pubsub.forget(client)
    this.tracking.turnOff(client)
  }

  /** This node leaves: /readyz says so. */
  drain(): void {
    this.isLeaving = true
  }

  stop(): void {
    this.runtime.stop()
    this.#sampler?.cancel()
    this.#sampler = null
  }

  #pauseChanged(): void {
    for (const client of this.clients.resp.values()) client.pauseChanged()
  }

  #sample(): void {
    const nowMs = this.clock.monotonicMs()
    this.stats.sample(nowMs)
    this.slow.loopWasLate(nowMs - this.#sampledAtMs - SAMPLE_MS)
    this.#sampledAtMs = nowMs
    // Behind the bytes that arrived: a client that spoke while this process stood still was not idle.
    this.clock.defer(() => this.tuning.enforce(this.clients, this.replyBudget, nowMs))
    this.#sampler = this.clock.setTimer(SAMPLE_MS, () => this.#sample())
  }
}
