/**
 * What CONFIG SET can change in the running doors of this node. It lasts until the process ends; what shall last longer
 * belongs to the configuration (docs/reference/configuration.md).
 */
import type { Client } from './client.ts'

/** How often idle connections are looked for. */
const IDLE_CHECK_MS = 1_000

export class Tuning {
  /** Client connections of all ports together (R20). */
  maxClients: number
  /** Redis' `timeout`: a RESP connection without a command for this many seconds is closed; 0 = never. */
  idleSeconds = 0
  #checkedAtMs = 0

  constructor(config: { readonly maxClients: number }) {
    this.maxClients = config.maxClients
  }

  /** Closes connections that were idle for too long, but none that waits for something. */
  cutIdle(clients: Iterable<Client>, nowMs: number): void {
    if (this.idleSeconds === 0 || nowMs - this.#checkedAtMs < IDLE_CHECK_MS) return
    this.#checkedAtMs = nowMs
    for (const client of [...clients]) {
      const isIdle = nowMs - client.lastActiveMs >= this.idleSeconds * 1000
      if (isIdle && client.pendingCommands === 0 && !client.isListening) client.destroy()
    }
  }
}
