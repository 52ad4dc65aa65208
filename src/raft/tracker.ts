/**
 * The configuration in force (as applied) and the progress of everyone in it, this node included. Answers every
 * question that needs a quorum.
 */
import type { PeerId } from '../protocol/members.ts'
import { allPeers, assertConf, isVoter } from './membership.ts'
import { Progress, type WindowLimits } from './progress.ts'
import { jointIndex, jointVote, type VoteResult } from './quorum.ts'
import type { ConfState, Index } from './types.ts'

export class Tracker {
  readonly #self: PeerId
  readonly #limits: WindowLimits
  #conf: ConfState
  readonly #progress = new Map<PeerId, Progress>()
  /** Everyone but this node, in ascending order. */
  #others: Progress[] = []
  readonly #matchOf = (peer: PeerId): Index => this.#progress.get(peer)?.match ?? 0
  readonly #activeOf = (peer: PeerId): boolean =>
    peer === this.#self || this.#progress.get(peer)?.recentActive === true

  constructor(self: PeerId, conf: ConfState, limits: WindowLimits) {
    this.#self = self
    this.#limits = limits
    this.#conf = conf
    this.setConf(conf, 0)
  }

  get conf(): ConfState {
    return this.#conf
  }

  get others(): readonly Progress[] {
    return this.#others
  }

  get(peer: PeerId): Progress | null {
    return this.#progress.get(peer) ?? null
  }

  get selfIsVoter(): boolean {
    return isVoter(this.#conf, this.#self)
  }

  /**
   * Puts `conf` in force. Newcomers are probed with the last entry and count as active, so that they get time to
   * answer.
   */
  setConf(conf: ConfState, lastIndex: Index): void {
    assertConf(conf)
    this.#conf = conf
    const peers = allPeers(conf)
    for (const peer of this.#progress.keys()) {
      if (!peers.includes(peer)) this.#progress.delete(peer)
    }
    this.#others = []
    for (const peer of peers) {
      let progress = this.#progress.get(peer)
      if (progress === undefined) {
        progress = new Progress(peer, Math.max(lastIndex, 1), this.#limits)
        progress.recentActive = true
        this.#progress.set(peer, progress)
      }
      if (peer !== this.#self) this.#others.push(progress)
    }
  }

  /** The start of a leader's term: everyone is probed from lastIndex + 1. */
  reset(lastIndex: Index): void {
    for (const progress of this.#progress.values()) progress.reset(lastIndex + 1)
  }

  /** The highest index that is durable on a quorum. */
  committedIndex(): Index {
    return jointIndex(this.#conf, this.#matchOf)
  }

  tally(voteOf: (peer: PeerId) => boolean | null): VoteResult {
    return jointVote(this.#conf, voteOf)
  }

  /** CheckQuorum: was a quorum heard since the last call? (Raft thesis 6.2) */
  takeQuorumActive(): boolean {
    const active = jointVote(this.#conf, this.#activeOf) === 'won'
    for (const progress of this.#others) progress.recentActive = false
    return active
  }
}
