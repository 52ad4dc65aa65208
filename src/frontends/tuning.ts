/**
 * What CONFIG SET can change in the running doors of this node. It lasts until the process ends, unless CONFIG REWRITE
 * puts it into the configuration file.
 */
import type { Clients } from './connection/clients.ts'
import { OutputLimits } from './connection/output-limits.ts'
import type { ReplyBudget } from './connection/reply-budget.ts'

/** How often connections are looked at. */
const CHECK_MS = 1_000

export class Tuning {
  /** Client connections of all ports together (R20). */
  maxClients: number
  /** Redis' `timeout`: a RESP or text connection without a command for this many seconds is closed; 0 = never. */
  idleSeconds = 0
  readonly output = new OutputLimits()
  #checkedAtMs = 0

  constructor(config: { readonly maxClients: number }) {
    this.maxClients = config.maxClients
  }

  /** To be called often: closes clients that take too little of what waits for them, or were idle for too long. */
  enforce(clients: Clients, replies: ReplyBudget, nowMs: number): void {
    if (nowMs - this.#checkedAtMs < CHECK_MS) return
    this.#checkedAtMs = nowMs
    replies.review()
    if (this.idleSeconds > 0) this.#cutIdle(clients, nowMs)
  }

  /** None that waits for something. */
  #cutIdle(clients: Clients, nowMs: number): void {
    for (const client of [...clients.all.values()]) {
      const isIdle = nowMs - client.lastActiveMs >= this.idleSeconds * 1000
      const isListening = clients.resp.get(client.id)?.isListening === true
      if (isIdle && client.pendingCommands === 0 && !isListening) client.destroy()
    }
  }
}
