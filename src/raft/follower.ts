/**
 * What a follower does with its leader's messages, and answers to vote requests in any role. Acknowledgements are
 * promises about the disk and wait for it; heartbeats are answered at once, so that a slow disk costs no election.
 */
import { assert } from '../lib/assert.ts'
import type { PeerId } from '../protocol/members.ts'
import type { AppendEntries, Heartbeat, InstallSnapshot, RequestPreVote, RequestVote } from './messages.ts'
import type { CoreState } from './state.ts'
import { becomeFollower } from './transitions.ts'
import { type Index, NO_PEER } from './types.ts'

/** A message that only the leader of this term sends: it is followed from now on. */
export function hearLeader(state: CoreState, leader: PeerId): void {
  assert(state.role !== 'leader', () => `Peer ${leader} leads term ${state.term} as well as this node`)
  if (state.role !== 'follower' || state.leader !== leader) becomeFollower(state, state.term, leader)
  state.electionElapsed = 0
}

/** Raft 5.3. While a snapshot is being installed the log is frozen and appends go unanswered. */
export function receiveAppend(state: CoreState, message: AppendEntries): void {
  const { log } = state
  if (state.installing !== null) return
  if (message.prevIndex < log.commitIndex) {
    acknowledge(state, message.from, log.commitIndex)
    return
  }
  const last = log.appendAfter(message.prevIndex, message.prevTerm, message.entries)
  if (last === null) {
    rejectAppend(state, message)
    return
  }
  commitFromLeader(state, Math.min(message.commitIndex, last))
  acknowledge(state, message.from, last)
}

function rejectAppend(state: CoreState, message: AppendEntries): void {
  const hint = state.log.findConflict(message.prevIndex, message.prevTerm)
  state.outbox.sendWhenDurable({
    kind: 'appendResponse',
    from: state.peerId,
    to: message.from,
    term: state.term,
    index: message.prevIndex,
    reject: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
    space: state.space,
  })
}

/** Tells `leader` that everything up to `index` is durable here; leaves when it is. */
export function acknowledge(state: CoreState, leader: PeerId, index: Index): void {
  state.outbox.sendWhenDurable({
    kind: 'appendResponse',
    from: state.peerId,
    to: leader,
    term: state.term,
    index,
    reject: false,
    hintIndex: 0,
    hintTerm: 0,
    space: state.space,
  })
}

function commitFromLeader(state: CoreState, index: Index): void {
  if (index <= state.log.commitIndex) return
  state.log.commitTo(index)
  state.trace?.({ kind: 'commit', index, byCounting: false })
}

export function receiveHeartbeat(state: CoreState, message: Heartbeat): void {
  if (state.installing === null) commitFromLeader(state, message.commitIndex)
  state.outbox.send({
    kind: 'heartbeatResponse',
    from: state.peerId,
    to: message.from,
    term: state.term,
    position: message.position,
    space: state.space,
  })
}

/** An offer is taken only when the log cannot be continued without it, and one at a time. */
export function receiveSnapshotOffer(state: CoreState, message: InstallSnapshot): void {
  const { meta } = message
  if (state.installing !== null) return
  if (state.log.matchTerm(meta.index, meta.term)) commitFromLeader(state, meta.index)
  if (meta.index <= state.log.commitIndex) acknowledge(state, message.from, state.log.commitIndex)
  else {
    state.installing = { meta, from: message.from }
    state.log.freeze()
  }
}

/** A leader of an older term learns that it is not the leader any more: it cannot find out by itself with PreVote. */
export function deposeStaleLeader(state: CoreState, leader: PeerId): void {
  state.outbox.sendWhenDurable({
    kind: 'appendResponse',
    from: state.peerId,
    to: leader,
    term: state.term,
    index: 0,
    reject: true,
    hintIndex: 0,
    hintTerm: 0,
    space: state.space,
  })
}

/** One vote per term, and none for another once its leader is known. */
function isFreeFor(state: CoreState, candidate: PeerId): boolean {
  return state.votedFor === candidate || (state.votedFor === NO_PEER && state.leader === NO_PEER)
}

/** Raft 5.2, 5.4.1. Every node that is asked votes, learners too: it may have been promoted without knowing yet. */
export function answerVote(state: CoreState, message: RequestVote): void {
  const reject = !isFreeFor(state, message.from) || !state.log.isUpToDate(message.lastIndex, message.lastTerm)
  if (!reject) {
    state.votedFor = message.from
    state.electionElapsed = 0
    state.electionTimeout = state.randomTicks(state.electionTicks)
  }
  state.outbox.sendWhenDurable({
    kind: 'voteResponse',
    from: state.peerId,
    to: message.from,
    term: state.term,
    reject,
  })
}

/**
 * Raft thesis 9.6: the answer to "would you?". Refusals carry this node's term, so that a campaigner that is behind
 * catches up; a request from an older term is refused and never ignored, or two sides could wait for each other.
 */
export function answerPreVote(state: CoreState, message: RequestPreVote): void {
  const mayVote = message.term > state.term || (message.term === state.term && isFreeFor(state, message.from))
  const reject = !mayVote || !state.log.isUpToDate(message.lastIndex, message.lastTerm)
  state.outbox.sendWhenDurable({
    kind: 'preVoteResponse',
    from: state.peerId,
    to: message.from,
    term: reject ? state.term : message.term,
    reject,
  })
}
