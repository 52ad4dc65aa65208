/**
 * Keeps one outgoing connection (one lane to one address) alive: dials, waits after a failure, dials again.
 * It knows links only by what happens to them.
 */
import type { Clock, Timer } from '../lib/clock.ts'
import type { Random } from '../lib/random.ts'
import type { Link } from './link.ts'
import type { Address, Connection, Network } from './network.ts'
import { timing } from './timing.ts'

export interface DiallerOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly address: Address
  /** Starts the handshake on a new connection. */
  readonly begin: (connection: Connection) => Link
}

type Stage = 'dialling' | 'connected' | 'waiting' | 'stopped'

export class Dialler {
  readonly #options: DiallerOptions
  #stage: Stage = 'waiting'
  #timer: Timer | null = null
  #link: Link | null = null
  /** Failures since the last trusted link. */
  #failures = 0
  /** The number of the newest attempt and when it began; answers to older ones do not count. */
  #attempt = 0
  #dialledMs = 0

  /** Dials at once. */
  constructor(options: DiallerOptions) {
    this.#options = options
    this.#dial()
  }

  /** The connection's link, trusted or not yet; null while there is none. */
  get link(): Link | null {
    return this.#link
  }

  /**
   * Something says that the other side can be reached now: ends a wait, and an attempt that got no answer so
   * far.
   */
  hurry(): void {
    const isStale = this.#options.clock.monotonicMs() - this.#dialledMs > timing.unansweredMs
    if (this.#stage === 'waiting' || (this.#stage === 'dialling' && isStale)) this.#dial()
  }

  /** The link became trusted: the next wait is a short one again. */
  trusted(): void {
    this.#failures = 0
  }

  /** The link ended. */
  closed(refused: boolean): void {
    this.#link = null
    if (this.#stage !== 'connected') return
    this.#wait(refused)
  }

  /** No dialling any more; the link is dismissed and destroyed. */
  stop(): void {
    this.#stage = 'stopped'
    this.#timer?.cancel()
    const link = this.#link
    this.#link = null
    if (link === null) return
    link.isDismissed = true
    link.destroy()
  }

  #dial(): void {
    this.#timer?.cancel()
    this.#stage = 'dialling'
    const { network, clock, address, begin } = this.#options
    this.#dialledMs = clock.monotonicMs()
    const attempt = ++this.#attempt
    network.connect(address, timing.connectMs, (error, connection) => {
      if (attempt !== this.#attempt || this.#stage !== 'dialling') {
        if (error === null) connection.destroy()
        return
      }
      if (error !== null) return this.#wait(false)
      this.#stage = 'connected'
      this.#link = begin(connection)
    })
  }

  #wait(refused: boolean): void {
    const { clock, random } = this.#options
    const min = refused ? timing.refusedBackoffMinMs : timing.backoffMinMs
    const max = refused ? timing.refusedBackoffMaxMs : timing.backoffMaxMs
    // 2^10 times the least wait is beyond every greatest one.
    const waitMs = Math.min(max, min * 2 ** Math.min(10, this.#failures++)) * (0.5 + random.float() / 2)
    this.#stage = 'waiting'
    this.#timer = clock.setTimer(waitMs, () => this.#dial())
  }
}
