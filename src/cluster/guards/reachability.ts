/**
 * R15: whether a majority of voters, this node included, was heard within the last second. The second counts
 * from the start of the process, and from the end of a time in which it stood still itself: silence in that
 * time is not the others' fault, and what they sent meanwhile waits in the sockets.
 */
import { STANDSTILL_MS } from '../../lib/running-time.ts'
import type { PeerId } from '../../protocol/members.ts'
import type { ConfState } from '../../raft/types.ts'
import type { Configuration } from '../members/configuration.ts'

export interface ReachabilityOptions {
  readonly self: PeerId
  readonly configuration: Configuration
  readonly lastHeardMs: (peer: PeerId) => number
  /** Longer silence than this counts, in milliseconds. */
  readonly silenceMs: number
}

export class Reachability {
  readonly #options: ReachabilityOptions
  /** Silence counts from here on at the earliest: the first tick, or the first after standing still. */
  #sinceMs = Number.POSITIVE_INFINITY
  /** Time as of the last tick: until the next one nobody was looked at, so nobody was silent. */
  #tickedMs = Number.NEGATIVE_INFINITY
  /** In which a majority was heard at this tick; who was heard stays heard until the next one. */
  #quorate: ConfState | null = null

  constructor(options: ReachabilityOptions) {
    this.#options = options
  }

  tick(nowMs: number): void {
    if (nowMs - this.#tickedMs >= STANDSTILL_MS) this.#sinceMs = nowMs
    this.#tickedMs = nowMs
    this.#quorate = null
  }

  hasQuorum(): boolean {
    const { self, configuration, lastHeardMs, silenceMs } = this.#options
    const { confState } = configuration
    if (this.#quorate === confState) return true
    const heardSince = this.#tickedMs - silenceMs
    if (this.#sinceMs >= heardSince) return true
    const isHeard = configuration.hasMajority((peer) => peer === self || lastHeardMs(peer) >= heardSince)
    this.#quorate = isHeard ? confState : null
    return isHeard
  }
}
