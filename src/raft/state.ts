/**
 * Everything one core remembers, shared by the role modules. Only code in this folder touches it; the outside sees
 * RaftCore. Fields are grouped by who writes them.
 */
import type { Random } from '../lib/random.ts'
import { limits as defaultLimits } from '../protocol/limits.ts'
import type { PeerId } from '../protocol/members.ts'
import { Outbox } from './outbox.ts'
import { Persistence } from './persistence.ts'
import { RaftLog } from './raft-log.ts'
import { ReadRounds } from './read-rounds.ts'
import type { Trace } from './trace.ts'
import { Tracker } from './tracker.ts'
import type { SnapshotMeta, Term } from './types.ts'
import { type ConfState, type HardState, type Index, type LogReader, NO_PEER, type Role } from './types.ts'
import { Uncommitted } from './uncommitted.ts'

export interface CoreLimits {
  /** appendEntries in flight to one follower. */
  readonly inflightMessages: number
  readonly inflightBytes: number
  /** Entries of one appendEntries, in bytes; one larger entry travels alone. */
  readonly appendBytes: number
  /** Proposed and not yet committed, in bytes; beyond it propose() says 'full'. */
  readonly uncommittedBytes: number
  /** Reads waiting for their round; beyond it readIndex() gives null. */
  readonly pendingReads: number
}

export interface CoreOptions {
  readonly group: number
  readonly peerId: PeerId
  readonly log: LogReader
  readonly random: Random
  /** As it was last persisted. */
  readonly hardState: HardState
  /** As of appliedIndex. */
  readonly confState: ConfState
  /** Entries up to here are in the state machine already. */
  readonly appliedIndex: Index
  /** The election timeout is drawn from [electionTicks, 2 * electionTicks). Default 40. */
  readonly electionTicks?: number
  /** Default 5. */
  readonly heartbeatTicks?: number
  readonly limits?: Partial<CoreLimits>
  readonly trace?: Trace
}

export class CoreState {
  readonly group: number
  readonly peerId: PeerId
  readonly random: Random
  readonly electionTicks: number
  readonly heartbeatTicks: number
  readonly limits: CoreLimits
  readonly trace: Trace | null

  readonly log: RaftLog
  readonly tracker: Tracker
  readonly outbox = new Outbox()
  readonly persistence = new Persistence()
  readonly reads: ReadRounds
  readonly uncommitted: Uncommitted
  readonly votes = new Map<PeerId, boolean>()
  readonly voteOf = (peer: PeerId): boolean | null => this.votes.get(peer) ?? null
  readonly readVoteOf = (peer: PeerId): boolean | null =>
    peer === this.peerId || this.reads.hasAcknowledged(peer) ? true : null

  /** Invariant: never falls; votedFor belongs to it. */
  term: Term
  votedFor: PeerId
  role: Role = 'follower'
  /** The leader of `term`, or NO_PEER while none is known. */
  leader: PeerId = NO_PEER

  /** Ticks since the last sign of a leader, the last campaign, or (leader) the last quorum check. */
  electionElapsed = 0
  /** Drawn anew on every change of role. */
  electionTimeout = 0
  heartbeatElapsed = 0

  /** Leader: whom leadership is being handed to, or NO_PEER. Cleared on every change of role. */
  transferTarget: PeerId = NO_PEER
  transferElapsed = 0
  /** Leader: no configuration may be proposed before this index is applied. */
  pendingConfIndex: Index = 0
  /** Leader: an entry of its term is committed, so its commit index is current and reads may begin (Raft 8). */
  termCommitted = false
  /** Leader: appends may be due; takeReady() makes them, so that everything of one turn travels together. */
  sendDue = false
  /** Leader: entries wait to be durable here before they are sent. */
  heldBack = false

  /** Follower: leadership was handed to it while a committed configuration waits to be applied; it campaigns then. */
  campaignWhenApplied = false

  /** Set by the host. */
  promotable = true
  heartbeatsWithheld = false
  space = 0

  /** A snapshot is being fetched and installed; the log is frozen meanwhile. */
  installing: { readonly meta: SnapshotMeta; readonly from: PeerId } | null = null

  constructor(options: CoreOptions) {
    this.group = options.group
    this.peerId = options.peerId
    this.random = options.random
    this.electionTicks = options.electionTicks ?? 40
    this.heartbeatTicks = options.heartbeatTicks ?? 5
    this.limits = { ...defaultLimits, ...options.limits }
    this.trace = options.trace ?? null
    this.term = options.hardState.term
    this.votedFor = options.hardState.votedFor
    this.reads = new ReadRounds(this.limits.pendingReads)
    this.uncommitted = new Uncommitted(this.limits.uncommittedBytes)
    this.tracker = new Tracker(options.peerId, options.confState, this.limits)
    this.log = new RaftLog(
      options.log,
      { commitIndex: options.hardState.commitIndex, appliedIndex: options.appliedIndex },
      (index) => this.#truncated(index),
    )
  }

  get isLeader(): boolean {
    return this.role === 'leader'
  }

  /** A leader was heard within the shortest election timeout: nobody is helped to replace it (Raft thesis 4.2.3). */
  get hasLiveLeader(): boolean {
    return this.leader !== NO_PEER && this.electionElapsed < this.electionTicks
  }

  /** May this node campaign at all? */
  get canCampaign(): boolean {
    return this.promotable && this.installing === null && this.tracker.selfIsVoter
  }

  /**
   * A candidate's own vote is on its disk. It must be, even when the others suffice: a leader that crashed and forgot
   * its term could win the same term again and fill it with other entries.
   */
  get ownVoteDurable(): boolean {
    return this.votes.get(this.peerId) === true
  }

  /** R3: a new leader reads nothing before its first commit; a silent one could not confirm anything. */
  get canStartReads(): boolean {
    return this.role === 'leader' && this.termCommitted && !this.heartbeatsWithheld
  }

  /** Between `from` and 2 * `from` ticks. */
  randomTicks(from: number): number {
    return from + this.random.below(from)
  }

  #truncated(index: Index): void {
    this.persistence.truncated(index)
    this.trace?.({ kind: 'truncate', from: index })
  }
}
