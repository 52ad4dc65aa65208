/**
 * What the leader knows of one follower and how it sends to it:
 *
 *   probe      one appendEntries at a time, until the follower's log is known to match somewhere
 *   replicate  a pipeline: `next` runs ahead optimistically, bounded by the inflight window
 *   snapshot   nothing is appended until the follower has caught up to the leader's log
 *
 * Invariant: match < next, always. `match` never falls while the leader leads.
 */
import { assert } from '../lib/assert.ts'
import type { PeerId } from '../protocol/members.ts'
import { Inflights } from './inflights.ts'
import type { Index } from './types.ts'

export type ProgressState = 'probe' | 'replicate' | 'snapshot'

export interface WindowLimits {
  readonly inflightMessages: number
  readonly inflightBytes: number
}

export class Progress {
  readonly peer: PeerId
  /** The highest index known to be durable and equal there. */
  match: Index = 0
  /** The next index to send. */
  next: Index = 1
  state: ProgressState = 'probe'
  /** probe: a message is out and nothing more is sent before an answer or a heartbeat's answer. */
  probeSent = false
  /** snapshot: the index of the snapshot it was offered. */
  pendingSnapshot: Index = 0
  /** snapshot: ticks since it was offered; an offer may get lost and is repeated. */
  offerAge = 0
  /** The highest commit index it was told. */
  sentCommit: Index = 0
  /** It was heard since the last quorum check. */
  recentActive = false
  /** R6: its last reported space state. */
  space = 0
  /** `match` at the last heartbeat tick; unchanged a tick later, what is in flight may have been lost. */
  matchAtTick: Index = 0
  /** Set by a heartbeat tick, cleared by the answer that makes the leader look for lost appends. */
  checkDue = false
  readonly inflights: Inflights

  constructor(peer: PeerId, next: Index, limits: WindowLimits) {
    this.peer = peer
    this.next = next
    this.inflights = new Inflights(limits.inflightMessages, limits.inflightBytes)
  }

  /** Forgets everything but who it is and its space state; the start of a term. */
  reset(next: Index): void {
    this.match = 0
    this.next = next
    this.#enter('probe')
    this.sentCommit = 0
    this.recentActive = false
    this.matchAtTick = 0
    this.checkDue = false
  }

  becomeProbe(): void {
    const afterSnapshot = this.state === 'snapshot' ? this.pendingSnapshot + 1 : 0
    this.#enter('probe')
    this.next = Math.max(this.match + 1, afterSnapshot)
  }

  becomeReplicate(): void {
    this.#enter('replicate')
    this.next = this.match + 1
  }

  becomeSnapshot(index: Index): void {
    assert(index >= this.match, () => `Snapshot ${index} is behind the follower at ${this.match}`)
    this.#enter('snapshot')
    this.pendingSnapshot = index
    this.next = index + 1
  }

  #enter(state: ProgressState): void {
    this.state = state
    this.probeSent = false
    this.pendingSnapshot = 0
    this.offerAge = 0
    this.inflights.reset()
  }

  /** No entries may be sent now. */
  isPaused(): boolean {
    if (this.state === 'probe') return this.probeSent
    return this.state === 'snapshot' || this.inflights.full
  }

  /** Accounts for an appendEntries whose last entry is `last`; `bytes` is 0 when it carried none. */
  sent(last: Index, bytes: number, hasEntries: boolean): void {
    if (this.state === 'replicate') {
      if (!hasEntries) return
      this.next = last + 1
      this.inflights.add(last, bytes)
    } else {
      this.probeSent = true
    }
  }

  /** An acknowledgement of everything up to `index`; false when it says nothing new. */
  acknowledge(index: Index): boolean {
    if (index <= this.match) return false
    this.match = index
    this.next = Math.max(this.next, index + 1)
    this.probeSent = false
    return true
  }

  /**
   * A rejection of prevIndex `rejected` with the leader's idea of where the logs may match. False when it is stale:
   * answered already, or contradicted by a later acknowledgement.
   */
  reject(rejected: Index, matchHint: Index): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false
      this.becomeProbe()
      return true
    }
    if (this.state === 'snapshot' || this.next - 1 !== rejected) return false
    this.next = Math.max(Math.min(rejected, matchHint + 1), this.match + 1)
    this.probeSent = false
    return true
  }
}
