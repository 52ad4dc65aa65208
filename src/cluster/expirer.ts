/**
 * The leader's expiry loop (R12): looks for due rows of the expiry index and proposes replicated expire commands, which
 * delete only what is still due and unchanged. Deletion is housekeeping: a due key is invisible without it.
 */
import type { Engine } from '../engine/types.ts'
import type { Store } from '../storage/store/types.ts'
import type { OwnCommand } from './clients/pending.ts'
import type { ExecuteDone } from './execute.ts'

const INTERVAL_MS = 100
const BATCH = 200

export interface ExpirerOptions {
  readonly engine: Engine
  readonly store: Store
  /** The leader's log clock, or null when this node does not lead. */
  readonly stampMs: () => number | null
  readonly submit: (command: OwnCommand, done: ExecuteDone) => void
}

export class Expirer {
  readonly #options: ExpirerOptions
  #busy = false
  #nextMs = 0
  expired = 0

  constructor(options: ExpirerOptions) {
    this.#options = options
  }

  tick(nowMs: number): void {
    if (this.#busy || nowMs < this.#nextMs) return
    const stampMs = this.#options.stampMs()
    if (stampMs === null) return
    this.#nextMs = nowMs + INTERVAL_MS
    const { from, to } = this.#options.engine.expiryRange(stampMs)
    this.#busy = true
    this.#options.store.fetchRange(from, to, BATCH, (error, rows) => {
      this.#busy = false
      if (error !== null || rows.length === 0) return
      this.#propose(rows)
    })
  }

  #propose(rows: readonly { key: string; value: Buffer }[]): void {
    const { engine } = this.#options
    const due = rows.map((row) => engine.parseExpiryRow(row.key, row.value)).filter((row) => row !== null)
    if (due.length === 0) return
    this.#busy = true
    this.#options.submit(engine.expireCommand(due), (result) => {
      this.#busy = false
      if (result.error !== null) return
      this.expired += due.length
      if (rows.length === BATCH) this.#nextMs = 0
    })
  }
}
