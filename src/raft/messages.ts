/**
 * The messages cores exchange, after the Raft paper and thesis. `term` is the sender's term, except that a pre-vote
 * request and its granting response carry the term the election would have. Message objects are never changed.
 */
import type { Entry } from '../protocol/entry.ts'
import type { PeerId } from '../protocol/members.ts'
import type { Index, SnapshotMeta, Term } from './types.ts'

interface Envelope {
  readonly from: PeerId
  readonly to: PeerId
  readonly term: Term
}

/** Would you vote for me in `term`? Changes nothing at the receiver (Raft thesis 9.6). */
export interface RequestPreVote extends Envelope {
  readonly kind: 'requestPreVote'
  /** The last entry that is durable at the sender: a claim that a crash cannot take back. */
  readonly lastIndex: Index
  readonly lastTerm: Term
}

/** Raft 5.2. `transfer`: the old leader asked for this election, so nobody protects it (Raft thesis 3.10). */
export interface RequestVote extends Envelope {
  readonly kind: 'requestVote'
  readonly lastIndex: Index
  readonly lastTerm: Term
  readonly transfer: boolean
}

export interface PreVoteResponse extends Envelope {
  readonly kind: 'preVoteResponse'
  readonly reject: boolean
}

export interface VoteResponse extends Envelope {
  readonly kind: 'voteResponse'
  readonly reject: boolean
}

/** Raft 5.3. No entries = a probe, or news of the commit index alone. */
export interface AppendEntries extends Envelope {
  readonly kind: 'appendEntries'
  readonly prevIndex: Index
  readonly prevTerm: Term
  readonly commitIndex: Index
  /** Contiguous, the first at prevIndex + 1. */
  readonly entries: readonly Entry[]
}

export interface AppendResponse extends Envelope {
  readonly kind: 'appendResponse'
  /** Accepted: everything up to here is durable and equal to the leader's log. Rejected: the refused prevIndex. */
  readonly index: Index
  readonly reject: boolean
  /**
   * Rejected: the highest index at or below prevIndex whose term here is at most prevTerm, and its term (0 =
   * unknown).
   */
  readonly hintIndex: Index
  readonly hintTerm: Term
  /** R6: the sender's space state, as its host set it. */
  readonly space: number
}

export interface Heartbeat extends Envelope {
  readonly kind: 'heartbeat'
  /** Never beyond what the receiver acknowledged. */
  readonly commitIndex: Index
  /** The newest read round begun before this left (R3). */
  readonly position: number
}

export interface HeartbeatResponse extends Envelope {
  readonly kind: 'heartbeatResponse'
  /** That of the heartbeat it answers. */
  readonly position: number
  /** R6, as in AppendResponse. */
  readonly space: number
}

/** An offer: the receiver's host fetches the snapshot from the sender. */
export interface InstallSnapshot extends Envelope {
  readonly kind: 'installSnapshot'
  readonly meta: SnapshotMeta
}

/** Campaign at once: leadership is handed to you (Raft thesis 3.10). */
export interface TimeoutNow extends Envelope {
  readonly kind: 'timeoutNow'
}

export type Message =
  | RequestPreVote
  | PreVoteResponse
  | RequestVote
  | VoteResponse
  | AppendEntries
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | TimeoutNow

/** Messages that may be large travel apart from those that keep a leader alive or elect one. */
export function isBulk(message: Message): boolean {
  return message.kind === 'appendEntries' || message.kind === 'installSnapshot'
}
