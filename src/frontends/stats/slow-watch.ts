/**
 * Who is told when a command took long: the slow log of its execution, the latency monitor of the whole time that its
 * client waited. Two numbers keep everything else away from commands that were fast enough.
 */
import type { Clock } from '../../lib/clock.ts'
import type { CommandSpec } from '../../protocol/commands.ts'
import { LatencyMonitor } from './latency.ts'
import { SlowLog } from './slow-log.ts'

/** Redis' default of slowlog-log-slower-than, in microseconds. */
const SLOW_MICROS = 10_000

/** What is known of the client of a slow command. */
export interface SlowClient {
  readonly peer: string
  readonly name: string
  /** Milliseconds that the engine worked on the command which is answered now; once. */
  takeWorkMs(): number
}

export class SlowWatch {
  readonly log = new SlowLog()
  readonly latency = new LatencyMonitor()
  readonly #clock: Clock
  #slowMicros = SLOW_MICROS
  /** Commands whose execution took at least this long are noted, */
  workFromMs = SLOW_MICROS / 1000
  /** and those whose clients waited at least this long. */
  waitFromMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** slowlog-log-slower-than: microseconds, 0 = every command, -1 = none. */
  get slowMicros(): number {
    return this.#slowMicros
  }

  set slowMicros(micros: number) {
    this.#slowMicros = micros
    this.#aim()
  }

  /** latency-monitor-threshold: milliseconds, 0 = off. */
  get latencyMs(): number {
    return this.latency.thresholdMs
  }

  set latencyMs(ms: number) {
    this.latency.thresholdMs = ms
    this.#aim()
  }

  /** One of the two times has reached its number. Commands that wait on purpose are no news. */
  note(
    spec: CommandSpec,
    client: SlowClient,
    args: readonly Buffer[],
    times: { workMs: number; waitMs: number },
  ): void {
    if (spec.flags.includes('blocking')) return
    const atSeconds = Math.floor(this.#clock.wallMs() / 1000)
    if (times.workMs >= this.workFromMs) {
      const micros = Math.round(times.workMs * 1000)
      this.log.add(spec.name, args, { atSeconds, micros, peer: client.peer, clientName: client.name })
    }
    this.latency.note(spec.flags.includes('fast') ? 'fast-command' : 'command', times.waitMs, atSeconds)
  }

  /** The doors' timer ran `ms` later than planned. */
  loopWasLate(ms: number): void {
    this.latency.note('event-loop', ms, Math.floor(this.#clock.wallMs() / 1000))
  }

  #aim(): void {
    this.workFromMs = this.#slowMicros < 0 ? Number.POSITIVE_INFINITY : this.#slowMicros / 1000
    this.waitFromMs = this.latencyMs === 0 ? Number.POSITIVE_INFINITY : this.latencyMs
  }
}
