/**
 * What the doors count, for INFO and metrics. Plain numbers, incremented where things happen; rates come from
 * samples of them that the doors take on a timer.
 */

import { RequestStats } from '../http/request-stats.ts'
import { ErrorStats } from './command-stats.ts'

const SAMPLES = 16

export class DoorStats {
  connectionsReceived = 0
  connectionsRejected = 0
  commands = 0
  errorReplies = 0
  readonly errors = new ErrorStats()
  readonly http = new RequestStats()
  bytesIn = 0
  bytesOut = 0
  httpRequests = 0
  /** Open ones. */
  httpConnections = 0
  textConnections = 0

  readonly #rates = [new Rate(), new Rate(), new Rate()] as const

  /** An error reply in canonical form leaves for a client. */
  countError(reply: Buffer): void {
    this.errorReplies++
    this.errors.count(reply)
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.connectionsReceived = 0
    this.connectionsRejected = 0
    this.commands = 0
    this.errorReplies = 0
    this.errors.reset()
    this.bytesIn = 0
    this.bytesOut = 0
    this.httpRequests = 0
  }

  /** Takes a sample; called about every 100 ms. */
  sample(nowMs: number): void {
    this.#rates[0].add(nowMs, this.commands)
    this.#rates[1].add(nowMs, this.bytesIn)
    this.#rates[2].add(nowMs, this.bytesOut)
  }

  get opsPerSecond(): number {
    return Math.round(this.#rates[0].perSecond())
  }

  get inputKbps(): number {
    return this.#rates[1].perSecond() / 1024
  }

  get outputKbps(): number {
    return this.#rates[2].perSecond() / 1024
  }
}

/** The mean growth of a counter over the last samples. */
class Rate {
  readonly #times: number[] = []
  readonly #values: number[] = []

  add(nowMs: number, value: number): void {
    this.#times.push(nowMs)
    this.#values.push(value)
    if (this.#times.length <= SAMPLES) return
    this.#times.shift()
    this.#values.shift()
  }

  perSecond(): number {
    const last = this.#times.length - 1
    if (last < 1) return 0
    const elapsedMs = (this.#times[last] as number) - (this.#times[0] as number)
    if (elapsedMs <= 0) return 0
    return (((this.#values[last] as number) - (this.#values[0] as number)) * 1000) / elapsedMs
  }
}
