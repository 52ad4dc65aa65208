/**
 * Linearizable reads by read index (Raft thesis 6.4; R3). Every read gets a position, which is never used again. A
 * round covers all reads queued before its heartbeats leave; its index is the commit index at that moment, and it is
 * confirmed when a quorum has answered a heartbeat of this term with a position at or beyond the round's. One round
 * is in flight; the next one gathers meanwhile. Invariant: answered <= started <= given.
 */
import type { PeerId } from '../protocol/members.ts'
import type { Index, ReadState } from './types.ts'

export class ReadRounds {
  readonly #limit: number
  /** The newest position given out. */
  #given = 0
  /** The last position of the newest round begun; heartbeats carry it. */
  #started = 0
  /** Positions up to here were confirmed or lost. */
  #answered = 0
  /** The index of the round in flight. */
  #index: Index = 0
  readonly #acks = new Set<PeerId>()
  #lostTo = 0
  #confirmed: ReadState[] = []
  #taken: ReadState[] = []

  /** At most `limit` reads wait at a time. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** A position for one more read, or null when too many wait. */
  queue(): number | null {
    if (this.#given - this.#answered >= this.#limit) return null
    this.#given++
    return this.#given
  }

  get inFlight(): boolean {
    return this.#answered < this.#started
  }

  /** A round could begin: reads wait and none is in flight. */
  get isDue(): boolean {
    return !this.inFlight && this.#started < this.#given
  }

  /** What heartbeats carry. */
  get position(): number {
    return this.#started
  }

  /** Begins a round for everything queued; its heartbeats leave now. */
  start(commitIndex: Index): void {
    this.#started = this.#given
    this.#index = commitIndex
    this.#acks.clear()
  }

  /** A heartbeat's answer in this term; false when it says nothing about the round in flight. */
  acknowledge(peer: PeerId, position: number): boolean {
    if (!this.inFlight || position < this.#started) return false
    this.#acks.add(peer)
    return true
  }

  hasAcknowledged(peer: PeerId): boolean {
    return this.#acks.has(peer)
  }

  /** A quorum answered: the round's reads are confirmed. */
  confirm(): void {
    for (let position = this.#answered + 1; position <= this.#started; position++) {
      this.#confirmed.push({ position, index: this.#index })
    }
    this.#answered = this.#started
  }

  /** Leadership is lost: nothing that waits will be answered. */
  drop(): void {
    if (this.#answered < this.#given) this.#lostTo = this.#given
    this.#started = this.#given
    this.#answered = this.#given
  }

  get hasNews(): boolean {
    return this.#confirmed.length > 0 || this.#lostTo > 0
  }

  /** Confirmed reads since the last call; the array is valid until the next one. */
  takeConfirmed(): readonly ReadState[] {
    const taken = this.#confirmed
    this.#confirmed = this.#taken
    this.#confirmed.length = 0
    this.#taken = taken
    return taken
  }

  /** The highest position lost since the last call, 0 when none was. */
  takeLost(): number {
    const lost = this.#lostTo
    this.#lostTo = 0
    return lost
  }
}
