/**
 * The leader's side of linearizable reads (R3): every node's round request becomes a position of the Raft core; when
 * the core confirms the position, the requester gets its index and the log clock's time. Requests are never
 * remembered across a loss of leadership: requesters ask again.
 */
import type { PeerId } from '../protocol/members.ts'
import type { ReadState } from '../raft/types.ts'
import type { ReadRequest, ReadResponse } from './frames.ts'

export interface ReadRoundsOptions {
  /** The core's readIndex(): a position, or null when this node does not lead. */
  readonly readIndex: () => number | null
  readonly stampMs: () => number
  /** Proposes a tick entry with at least this stamp, unless one is on its way (R12). */
  readonly tick: (stampMs: number) => void
  readonly respond: (to: PeerId, response: ReadResponse) => void
}

export class ReadRounds {
  readonly #options: ReadRoundsOptions
  readonly #waiting = new Map<number, { origin: PeerId; request: number }>()

  constructor(options: ReadRoundsOptions) {
    this.#options = options
  }

  /** False when this node does not lead. */
  request(origin: PeerId, request: ReadRequest): boolean {
    const position = this.#options.readIndex()
    if (position === null) return false
    if (request.tickMs > 0) this.#options.tick(request.tickMs)
    this.#waiting.set(position, { origin, request: request.request })
    return true
  }

  confirmed(state: ReadState): void {
    const waiting = this.#waiting.get(state.position)
    if (waiting === undefined) return
    this.#waiting.delete(state.position)
    const { origin, request } = waiting
    this.#options.respond(origin, { request, index: state.index, stampMs: this.#options.stampMs() })
  }

  clear(): void {
    this.#waiting.clear()
  }
}
