/**
 * Runs reads on this node's applied state once their conditions hold: fetches what misses and runs them again, waits
 * for a tick when a key is due by the read's time but not by the applied stamp (R12), and walks ranges for SCAN.
 */

import { isRandomKey, pickRandomKey, placeBehind, randomKeyPlan } from '../../engine/random-key.ts'
import { isScan, type ScanRow, scanPage, scanPlan } from '../../engine/scan.ts'
import type { Engine } from '../../engine/types.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { limits } from '../../protocol/limits.ts'
import { errorCodeReply, NULL_REPLY } from '../../protocol/reply.ts'
import { MISS, type Store } from '../../storage/store/types.ts'
import { answerRead, type PendingRead, refuseRead, sweepReads } from './pending.ts'

/** A tick that has not come for this long is asked for again. */
const TICK_RETRY_MS = 250
/** Rows that RANDOMKEY looks at together, at least. */
const RANDOM_ROWS = 64

export interface ReadRunnerOptions {
  readonly engine: Engine
  readonly store: Store
  /** Asks the leader for an entry with at least this stamp. */
  readonly wantTick: (nowMs: number) => void
}

export class ReadRunner {
  readonly #options: ReadRunnerOptions
  #waitingForTick: PendingRead[] = []
  #tickAskedMs = Number.NEGATIVE_INFINITY

  constructor(options: ReadRunnerOptions) {
    this.#options = options
  }

  /** Some read waits for a tick of the log's clock. */
  get isWaiting(): boolean {
    return this.#waitingForTick.length > 0
  }

  /** Serves a read whose round is confirmed and applied. */
  serve(read: PendingRead): void {
    if (!this.#run(read, Math.max(read.nowMs, this.#options.engine.stampMs), null)) this.#waitForTick(read)
  }

  /** Serves a read on the applied state as it is, at the applied stamp. */
  serveStale(read: PendingRead): void {
    this.#run(read, this.#options.engine.stampMs, null)
  }

  /**
   * Serves a read right before a write of its connection applies. The time is that entry's stamp: no tick can be due.
   * False when `answered` will be called later.
   */
  serveNow(read: PendingRead, answered: () => void): boolean {
    this.#run(read, this.#options.engine.stampMs, answered)
    return read.done === null
  }

  /** An entry was applied: reads that waited for its stamp run again. */
  applied(): void {
    if (this.#waitingForTick.length === 0) return
    const { stampMs } = this.#options.engine
    const ready = this.#waitingForTick.filter((read) => read.done === null || read.nowMs <= stampMs)
    if (ready.length === 0) return
    this.#waitingForTick = this.#waitingForTick.filter((read) => read.done !== null && read.nowMs > stampMs)
    for (const read of ready) if (read.done !== null) this.serve(read)
  }

  /**
   * Reads that wait for a tick: refuses those whose time is up (R15), and asks again for the others, because the
   * request may be lost with its leader or refused by it.
   */
  tick(nowMs: number, quorum: boolean): void {
    if (this.#waitingForTick.length === 0) return
    this.#waitingForTick = sweepReads(this.#waitingForTick, nowMs, quorum)
    if (nowMs - this.#tickAskedMs < TICK_RETRY_MS) return
    this.#tickAskedMs = nowMs
    for (const read of this.#waitingForTick) this.#options.wantTick(read.nowMs)
  }

  /** Answers what waits for a tick. */
  close(): void {
    for (const read of this.#waitingForTick) refuseRead(read, 'SHUTTING_DOWN')
    this.#waitingForTick = []
  }

  #waitForTick(read: PendingRead): void {
    this.#waitingForTick.push(read)
    this.#options.wantTick(read.nowMs)
  }

  /** False when a tick is wanted first. */
  #run(read: PendingRead, nowMs: number, answered: (() => void) | null): boolean {
    const { engine, store } = this.#options
    if (isScan(read.command)) {
      this.#scan(read, nowMs, answered)
      return true
    }
    if (isRandomKey(read.command)) {
      this.#randomKey(read, nowMs, answered)
      return true
    }
    try {
      const outcome = engine.executeRead(read.command, nowMs)
      if (outcome.kind === 'tick') return false
      answerRead(read, outcome.reply, null)
      return true
    } catch (error) {
      if (error !== MISS) throw error
    }
    store.fetch(engine.missedKeys, (error, pin) => {
      if (read.done === null) pin?.release()
      else if (error !== null) this.#damaged(read)
      else {
        const again = answered === null ? Math.max(nowMs, engine.stampMs) : nowMs
        if (!this.#run(read, again, answered)) this.#waitForTick(read)
        pin.release()
      }
      if (read.done === null) answered?.()
    })
    return true
  }

  #scan(read: PendingRead, nowMs: number, answered: (() => void) | null): void {
    const { engine, store } = this.#options
    const plan = scanPlan(engine, read.command)
    if (Buffer.isBuffer(plan)) return answerRead(read, plan, null)
    const { database } = read.command
    const physicalDatabase = engine.physicalDatabase(database)
    store.fetchRange(plan.from, plan.to, plan.limit, (error, rows) => {
      // A swap or flush was applied meanwhile: these rows belong to another database, or to none.
      if (error === null && engine.physicalDatabase(database) !== physicalDatabase) {
        return this.#scan(read, nowMs, answered)
      }
      if (error !== null) this.#damaged(read)
      else answerRead(read, scanPage(plan, rows, Math.max(nowMs, engine.stampMs)), null)
      answered?.()
    })
  }

  /** From a random place on to the first rows with a living key, round the end once. */
  #randomKey(read: PendingRead, nowMs: number, answered: (() => void) | null): void {
    const { engine, store } = this.#options
    const { from, to, fraction } = randomKeyPlan(engine, read.command)
    const place = store.seek(from, to, fraction) ?? { from, rows: 1 }
    const look = (start: ByteString, end: ByteString, isLast: boolean): void => {
      const limit = Math.min(Math.max(place.rows, RANDOM_ROWS), limits.scanRows)
      store.fetchRange(start, end, limit, (error, rows) => {
        // A swap or flush was applied meanwhile: these rows belong to another database, or to none.
        const isMoved = randomKeyPlan(engine, read.command).from !== from
        if (error === null && isMoved) return this.#randomKey(read, nowMs, answered)
        const near = start === place.from ? rows.slice(0, place.rows) : []
        const now = Math.max(nowMs, engine.stampMs)
        const reply = pickRandomKey(near, now, fraction) ?? pickRandomKey(rows, now, fraction)
        const last: ScanRow | undefined = rows[limit - 1]
        if (error === null && reply === null && last !== undefined)
          return look(placeBehind(last.key), end, isLast)
        if (error === null && reply === null && !isLast) return look(from, place.from, true)
        if (error !== null) this.#damaged(read)
        else answerRead(read, reply ?? NULL_REPLY, null)
        answered?.()
      })
    }
    look(place.from, to, place.from === from)
  }

  #damaged(read: PendingRead): void {
    answerRead(read, errorCodeReply('CORRUPT'), 'CORRUPT')
  }
}
