/**
 * A picture of the core for operators, metrics and checkers.
 */
import type { PeerId } from '../protocol/members.ts'
import type { ProgressState } from './progress.ts'
import type { CoreState } from './state.ts'
import type { ConfState, Index, Role, Term } from './types.ts'

export interface PeerProgress {
  readonly peer: PeerId
  readonly match: Index
  readonly next: Index
  readonly state: ProgressState
  readonly recentActive: boolean
  readonly inflightMessages: number
  readonly inflightBytes: number
  /** R6: as the peer last reported it. */
  readonly space: number
}

export interface CoreStatus {
  readonly role: Role
  readonly term: Term
  readonly votedFor: PeerId
  readonly leader: PeerId
  readonly commitIndex: Index
  readonly appliedIndex: Index
  readonly stableIndex: Index
  readonly lastIndex: Index
  readonly confState: ConfState
  /** Whom leadership is being handed to, or NO_PEER. */
  readonly transferTarget: PeerId
  /** Leader: a configuration entry is (or may be) unapplied, so another one would be refused. */
  readonly confPending: boolean
  /** The index of the snapshot being installed, or 0. */
  readonly installing: Index
  readonly uncommittedBytes: number
  /** The other members as the leader sees them; empty on anyone else. */
  readonly progress: readonly PeerProgress[]
}

export function coreStatus(state: CoreState): CoreStatus {
  const { log, tracker } = state
  return {
    role: state.role,
    term: state.term,
    votedFor: state.votedFor,
    leader: state.leader,
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    stableIndex: log.stableIndex,
    lastIndex: log.lastIndex,
    confState: tracker.conf,
    transferTarget: state.transferTarget,
    confPending: state.isLeader && state.pendingConfIndex > log.appliedIndex,
    installing: state.installing?.meta.index ?? 0,
    uncommittedBytes: state.uncommitted.bytes,
    progress: state.isLeader ? peers(state) : [],
  }
}

function peers(state: CoreState): PeerProgress[] {
  return state.tracker.others.map((progress) => ({
    peer: progress.peer,
    match: progress.match,
    next: progress.next,
    state: progress.state,
    recentActive: progress.recentActive,
    inflightMessages: progress.inflights.count,
    inflightBytes: progress.inflights.bytes,
    space: progress.space,
  }))
}
