/**
 * What the connections of one node share: the executor, the tables, counters, who is connected. One object
 * per openDoors(); nothing here knows sockets.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ExecuteOptions, Executor, Principal, Session } from '../cluster/execute.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Client } from './client.ts'
import type { Commands } from './commands.ts'
import type { DoorsConfig, DoorsOptions, Log } from './config.ts'
import { InFlight } from './resp/in-flight.ts'
import { FlushList } from './resp/reply-queue.ts'
import { ScanCursors } from './scan-cursors.ts'
import { DoorStats } from './stats.ts'

const SAMPLE_MS = 100
const DEFAULT_USER = 'default'

export class Door {
  readonly executor: Executor
  readonly clock: Clock
  readonly config: DoorsConfig
  readonly log: Log
  readonly commands: Commands
  readonly stats = new DoorStats()
  readonly flushes = new FlushList()
  readonly inFlight = new InFlight(this.flushes)
  readonly clients = new Map<number, Client>()
  readonly cursors: ScanCursors
  readonly principal: Principal = { name: DEFAULT_USER }
  readonly startedAtMs: number
  readonly #passwordHash: Buffer | null
  #sampler: Timer | null = null
  #lastClientId = 0
  /** Bound ports, known once the doors listen. */
  redisPort = 0
  httpPort = 0
  /** Not ready any more, though it still serves. */
  isLeaving = false
  /** Nothing new is begun (R17). */
  isClosing = false

  constructor(options: DoorsOptions, commands: Commands) {
    this.executor = options.executor
    this.clock = options.clock
    this.config = options.config
    this.log = options.log
    this.commands = commands
    this.cursors = new ScanCursors(options.executor.status().bootId)
    this.startedAtMs = options.clock.monotonicMs()
    this.#passwordHash = options.config.password === '' ? null : sha256(options.config.password)
    this.#sample()
  }

  get hasPassword(): boolean {
    return this.#passwordHash !== null
  }

  /** Compares in constant time, whatever the lengths. */
  isPassword(user: Buffer | string, password: Buffer): boolean {
    const isMatch = this.#passwordHash === null || timingSafeEqual(sha256(password), this.#passwordHash)
    return user.toString() === DEFAULT_USER && isMatch
  }

  nextClientId(): number {
    return ++this.#lastClientId
  }

  /** Options for the commands that a session gives at `nowMs`. */
  executeOptions(session: Session, nowMs: number): ExecuteOptions {
    return {
      session,
      consistency: 'linearizable',
      deadlineMs: nowMs + this.config.commandTimeoutMs,
      principal: this.principal,
    }
  }

  /** This node leaves: /readyz says so. */
  drain(): void {
    this.isLeaving = true
  }

  stop(): void {
    this.#sampler?.cancel()
    this.#sampler = null
  }

  #sample(): void {
    this.stats.sample(this.clock.monotonicMs())
    this.#sampler = this.clock.setTimer(SAMPLE_MS, () => this.#sample())
  }
}

function sha256(text: Buffer | string): Buffer {
  return createHash('sha256').update(text).digest()
}
