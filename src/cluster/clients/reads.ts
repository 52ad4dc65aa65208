/**
 * The read gate (R3): linearizable reads of this node's clients. Reads that were queued before a round leaves share it;
 * the leader confirms the round with its commit index; a read is served here once that index is applied here and the
 * last write ahead of it on its connection is resolved. Reads have no effect, so a lost round is simply asked again.
 */
import { limits } from '../../protocol/limits.ts'
import type { ReadRequest, ReadResponse } from '../frames.ts'
import { type PendingRead, refuseRead, waitsForWrite } from './pending.ts'

/** Rounds on their way at once: reads that come meanwhile gather for the next one. */
const ROUNDS = 2
/** A round without an answer for this long is asked again. */
const ROUND_TIMEOUT_MS = 250

interface Round {
  readonly reads: PendingRead[]
  readonly sentMs: number
  index: number
}

export interface ReadGateOptions {
  /** Asks the leader; false when there is none or the request surely did not leave. */
  readonly ask: (request: ReadRequest) => boolean
  /** Runs the read now: every condition of R3 holds. */
  readonly serve: (read: PendingRead) => void
  readonly hasQuorum: () => boolean
  /**
   * The number of the first round: another one in every process, because the answer to an earlier process of this node
   * may still come and has an index that is too low.
   */
  readonly firstRequest: number
}

export class ReadGate {
  readonly #options: ReadGateOptions
  #queued: PendingRead[] = []
  readonly #asked = new Map<number, Round>()
  #confirmed: Round[] = []
  #nextRequest: number
  #tickMs = 0
  #closing = false
  /** Counters for status and tests. */
  rounds = 0
  served = 0

  constructor(options: ReadGateOptions) {
    this.#options = options
    this.#nextRequest = options.firstRequest
  }

  get waiting(): number {
    let count = this.#queued.length
    for (const round of this.#asked.values()) count += round.reads.length
    for (const round of this.#confirmed) count += round.reads.length
    return count
  }

  submit(read: PendingRead): void {
    if (this.#closing) return refuseRead(read, 'SHUTTING_DOWN')
    if (!this.#options.hasQuorum()) return refuseRead(read, 'NO_QUORUM')
    if (this.#queued.length >= limits.pendingReads) return refuseRead(read, 'OVERLOADED')
    this.#queued.push(read)
  }

  /** R12: a read met a key that is due by `nowMs` but not by the applied stamp; the next round asks for a tick too. */
  wantTick(nowMs: number): void {
    this.#tickMs = Math.max(this.#tickMs, nowMs)
  }

  /** Starts a round for what is queued. Called once per turn. */
  flush(nowMs: number): void {
    if (this.#queued.length === 0 && this.#tickMs === 0) return
    if (this.#asked.size >= ROUNDS) return
    const request = this.#nextRequest
    if (!this.#options.ask({ request, tickMs: this.#tickMs })) return
    this.#nextRequest = (request + 1) >>> 0
    this.#tickMs = 0
    this.#asked.set(request, { reads: this.#queued, sentMs: nowMs, index: 0 })
    this.#queued = []
    this.rounds++
  }

  /** The leader confirmed a round. An answer to a round that was given up is ignored: its reads ask again. */
  confirmed(response: ReadResponse, appliedIndex: number): void {
    const round = this.#asked.get(response.request)
    if (round === undefined) return
    this.#asked.delete(response.request)
    round.index = response.index
    for (const read of round.reads) read.nowMs = Math.max(read.nowMs, response.stampMs)
    if (round.index <= appliedIndex) this.#serveRound(round)
    else this.#confirmed.push(round)
  }

  /** Serves every confirmed read whose index is applied. */
  applied(appliedIndex: number): void {
    if (this.#confirmed.length === 0) return
    const ready = this.#confirmed.filter((round) => round.index <= appliedIndex)
    if (ready.length === 0) return
    this.#confirmed = this.#confirmed.filter((round) => round.index > appliedIndex)
    for (const round of ready) this.#serveRound(round)
  }

  /** The leader changed or its connection broke: unconfirmed rounds are asked again. */
  restart(): void {
    const again: PendingRead[] = []
    for (const round of this.#asked.values()) again.push(...round.reads)
    this.#asked.clear()
    this.#queued = again.concat(this.#queued)
  }

  tick(nowMs: number): void {
    for (const round of this.#asked.values()) {
      if (nowMs - round.sentMs > ROUND_TIMEOUT_MS) return this.#restartAndSweep(nowMs)
    }
    this.#sweep(nowMs)
  }

  close(): void {
    this.#closing = true
    for (const read of this.#takeAll()) refuseRead(read, 'SHUTTING_DOWN')
  }

  #restartAndSweep(nowMs: number): void {
    this.restart()
    this.#sweep(nowMs)
  }

  #serveRound(round: Round): void {
    for (const read of round.reads) {
      if (read.done === null) continue
      if (waitsForWrite(read)) continue
      this.served++
      this.#options.serve(read)
    }
  }

  #sweep(nowMs: number): void {
    const quorum = this.#options.hasQuorum()
    const expired = (read: PendingRead): boolean => !quorum || read.deadlineMs <= nowMs || read.session.closed
    const refuse = (read: PendingRead): void => refuseRead(read, quorum ? 'NO_LEADER' : 'NO_QUORUM')
    if (this.#queued.some(expired)) {
      for (const read of this.#queued) if (expired(read)) refuse(read)
      this.#queued = this.#queued.filter((read) => read.done !== null)
    }
    for (const round of [...this.#asked.values(), ...this.#confirmed]) {
      for (const read of round.reads) if (read.done !== null && expired(read)) refuse(read)
    }
    // Applying may stand still for long: rounds that nobody waits for must not gather (R20).
    if (this.#confirmed.length === 0) return
    this.#confirmed = this.#confirmed.filter((round) => round.reads.some((read) => read.done !== null))
  }

  #takeAll(): PendingRead[] {
    const all = this.#queued
    for (const round of [...this.#asked.values(), ...this.#confirmed]) all.push(...round.reads)
    this.#queued = []
    this.#asked.clear()
    this.#confirmed = []
    return all
  }
}
