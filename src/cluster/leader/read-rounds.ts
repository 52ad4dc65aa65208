/**
 * The leader's side of linearizable reads (R3): every node's round request becomes a position of the Raft core; when
 * the core confirms the position, the requester gets its index and the log clock's time. Requests are never
 * remembered across a loss of leadership: requesters ask again.
 */
import type { PeerId } from '../../protocol/members.ts'
import type { ReadState } from '../../raft/types.ts'
import type { ReadRequest, ReadResponse } from '../frames.ts'

export interface ReadRoundsOptions {
  /** The core's readIndex(): a position, or null when this node does not lead with complete state. */
  readonly readIndex: () => number | null
  /** This node is elected: it leads, or will as soon as its first entry is applied. */
  readonly isElected: () => boolean
  readonly stampMs: () => number
  /** Proposes a tick entry with at least this stamp, unless one is on its way (R12). */
  readonly tick: (stampMs: number) => void
  readonly respond: (to: PeerId, response: ReadResponse) => void
}

/** Requests kept for the beginning of a reign; a node has few rounds on their way. */
const EARLY_MAX = 64

export class ReadRounds {
  readonly #options: ReadRoundsOptions
  readonly #waiting = new Map<number, { origin: PeerId; request: number }>()
  /** Asked between election and the first applied entry of the term; begun then. */
  #early: { origin: PeerId; request: ReadRequest }[] = []

  constructor(options: ReadRoundsOptions) {
    this.#options = options
  }

  /** False when this node does not lead. */
  request(origin: PeerId, request: ReadRequest): boolean {
    const position = this.#options.readIndex()
    if (position === null) {
      if (!this.#options.isElected() || this.#early.length >= EARLY_MAX) return false
      this.#early.push({ origin, request })
      return true
    }
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

  /** This node leads with complete state from now on. */
  began(): void {
    const early = this.#early
    this.#early = []
    for (const { origin, request } of early) this.request(origin, request)
  }

  clear(): void {
    this.#early = []
    this.#waiting.clear()
  }
}
