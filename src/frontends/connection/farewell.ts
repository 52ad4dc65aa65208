/**
 * The end of a connection that has answered everything: half-closes, and cuts it when the client does not close its end
 * in time.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../lib/clock.ts'

/** How long a half-closed connection may go on sending before it is cut. */
const LINGER_MS = 5_000

export class Farewell {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #cut: () => void
  #hasBegun = false
  #isOver = false
  #linger: Timer | null = null

  /** `cut` destroys the connection. */
  constructor(socket: Socket, clock: Clock, cut: () => void) {
    this.#socket = socket
    this.#clock = clock
    this.#cut = cut
  }

  /** Everything is written; further calls do nothing. */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#socket.resume()
    this.#socket.end(() => {
      if (!this.#isOver) this.#linger = this.#clock.setTimer(LINGER_MS, this.#cut)
    })
  }

  /** The socket is gone. */
  over(): void {
    this.#isOver = true
    this.#linger?.cancel()
  }
}
