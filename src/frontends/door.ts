/**
 * What the connections of one node share: the executor, the tables, counters, who is connected. One object
 * per openDoors(); nothing here knows sockets.
 */
import type { Socket } from 'node:net'
import type { Consistency, ExecuteOptions, Executor, Principal, Session } from '../cluster/execute.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Client, LocalCommand } from './client.ts'
import { Commands } from './commands.ts'
import type { DoorsConfig, DoorsOptions, Log } from './config.ts'
import { Credentials } from './credentials.ts'
import { Monitors } from './monitors.ts'
import { Pause } from './pause.ts'
import { PubSub } from './pubsub/pubsub.ts'
import { InFlight } from './resp/in-flight.ts'
import { FlushList } from './resp/reply-queue.ts'
import { RuntimeMonitor } from './runtime-monitor.ts'
import { ScanCursors } from './scan-cursors.ts'
import { SlowWatch } from './slow-watch.ts'
import { DoorStats } from './stats.ts'
import { LineBudget } from './text/line-budget.ts'
import { Tracking } from './tracking/tracking.ts'
import { Tuning } from './tuning.ts'
import { TurnClock } from './turn-clock.ts'

const SAMPLE_MS = 100
const DEFAULT_USER = 'default'

export class Door {
  readonly executor: Executor
  readonly clock: Clock
  readonly config: DoorsConfig
  readonly log: Log
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
  readonly lineBudget = new LineBudget()
  readonly clients = new Map<number, Client>()
  readonly cursors: ScanCursors
  readonly principal: Principal = { name: DEFAULT_USER }
  readonly startedAtMs: number
  readonly credentials: Credentials
  /** The Redis port speaks TLS. */
  readonly hasRedisTls: boolean
  #sampler: Timer | null = null
  #sampledAtMs: number
  #lastClientId = 0
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
    this.certificateEndsMs = options.certificateEndsMs ?? (() => Number.NaN)
    this.acceptPeer = options.acceptPeer ?? null
    this.turn = new TurnClock(options.clock)
    this.runtime = new RuntimeMonitor(options.clock)
    this.slow = new SlowWatch(options.clock)
    this.monitors = new Monitors(options.clock)
    this.pause = new Pause(options.clock, () => this.#pauseChanged())
    this.pubsub = new PubSub({
      executor: this.executor,
      log: this.log,
      notices: this.config.notifyKeyspaceEvents,
    })
    this.tracking = new Tracking(this.executor, this.clients)
    this.tuning = new Tuning(options.config)
    this.commands = new Commands(options.executor.commands.values(), local, this.turn, this.slow)
    this.cursors = new ScanCursors(options.executor.status().bootId)
    this.startedAtMs = options.clock.monotonicMs()
    const { password, previousPassword } = options.config
    this.hasRedisTls = (options.tls?.redis ?? null) !== null
    this.credentials = new Credentials(options.clock, password, previousPassword)
    this.#sampledAtMs = this.startedAtMs
    this.#sample()
  }

  get hasPassword(): boolean {
    return this.credentials.hasPassword
  }

  nextClientId(): number {
    return ++this.#lastClientId
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

  /** A client is gone. */
  forget(client: Client): void {
    this.clients.delete(client.id)
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
    for (const client of this.clients.values()) client.pauseChanged()
  }

  #sample(): void {
    const nowMs = this.clock.monotonicMs()
    this.stats.sample(nowMs)
    this.slow.loopWasLate(nowMs - this.#sampledAtMs - SAMPLE_MS)
    this.#sampledAtMs = nowMs
    this.tuning.cutIdle(this.clients.values(), nowMs)
    this.#sampler = this.clock.setTimer(SAMPLE_MS, () => this.#sample())
  }
}
