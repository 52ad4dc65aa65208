/**
 * Campaigns: PreVote first (Raft thesis 9.6), then the vote of a new term. Requests claim only what is durable here,
 * so that a crash between asking and winning cannot leave grants for a log that is gone. A node's own vote counts
 * when it is durable, like any other.
 */

import { becomeLeader } from './leader.ts'
import { isVoter } from './membership.ts'
import type { Message, PreVoteResponse, VoteResponse } from './messages.ts'
import type { CoreState } from './state.ts'
import { becomeFollower, campaignShortly, enterRole, traceRole } from './transitions.ts'
import { NO_PEER } from './types.ts'

export function tickFollower(state: CoreState): void {
  state.electionElapsed++
  if (state.electionElapsed < state.electionTimeout) return
  // Whoever led is silent for longer than it may be, also in the eyes of a node that cannot campaign itself.
  state.electionElapsed = 0
  state.leader = NO_PEER
  campaign(state, false)
}

/**
 * See RaftCore.ticksAhead. From half an election timeout of silence on each tick counts: how long the leader has been
 * silent decides about the votes of others, too.
 */
export function followerTicksAhead(state: CoreState): number {
  if (state.role !== 'follower' || state.leader === NO_PEER) return 1
  return Math.max(1, Math.floor(state.electionTicks / 2) - state.electionElapsed)
}

/** Starts an election unless this node must not win one. `transfer`: the leader asked for it, PreVote is skipped. */
export function campaign(state: CoreState, transfer: boolean): void {
  if (state.role === 'leader' || !state.canCampaign) return
  // With a committed configuration unapplied this node would count by an outdated one.
  if (state.log.hasUnappliedConfig) {
    state.campaignWhenApplied = transfer
    return
  }
  if (transfer) requestVotes(state, true)
  else requestPreVotes(state)
}

/** Something was applied: a campaign may have waited for it. */
export function campaignIfWaiting(state: CoreState): void {
  if (!state.campaignWhenApplied || state.log.hasUnappliedConfig) return
  state.campaignWhenApplied = false
  campaign(state, true)
}

function requestPreVotes(state: CoreState): void {
  enterRole(state, 'preCandidate', state.term)
  traceRole(state)
  state.votes.set(state.peerId, true)
  if (state.tracker.tally(state.voteOf) === 'won') {
    requestVotes(state, false)
    return
  }
  const claim = durableClaim(state)
  for (const { peer } of state.tracker.others) {
    if (!isVoter(state.tracker.conf, peer)) continue
    state.outbox.send({
      kind: 'requestPreVote',
      from: state.peerId,
      to: peer,
      term: state.term + 1,
      ...claim,
    })
  }
}

function requestVotes(state: CoreState, transfer: boolean): void {
  enterRole(state, 'candidate', state.term + 1)
  state.votedFor = state.peerId
  traceRole(state)
  const { peerId, term } = state
  state.outbox.sendWhenDurable({ kind: 'voteResponse', from: peerId, to: peerId, term, reject: false })
  const claim = durableClaim(state)
  for (const { peer } of state.tracker.others) {
    if (!isVoter(state.tracker.conf, peer)) continue
    state.outbox.send({ kind: 'requestVote', from: peerId, to: peer, term, transfer, ...claim })
  }
}

function durableClaim(state: CoreState): { lastIndex: number; lastTerm: number } {
  return { lastIndex: state.log.stableIndex, lastTerm: state.log.stableTerm }
}

/** Answers to this node's requests; answers to an earlier role or term are ignored. */
export function stepCandidate(state: CoreState, message: Message): void {
  if (message.kind === 'preVoteResponse' && state.role === 'preCandidate') pollPreVote(state, message)
  else if (message.kind === 'voteResponse' && state.role === 'candidate') pollVote(state, message)
}

function pollPreVote(state: CoreState, message: PreVoteResponse): void {
  // A grant carries the term asked for; one for another term belongs to an earlier attempt.
  if (!message.reject && message.term !== state.term + 1) return
  const result = poll(state, message)
  if (result === 'won') requestVotes(state, false)
  else if (result === 'lost') becomeFollower(state, state.term, NO_PEER)
}

function pollVote(state: CoreState, message: VoteResponse): void {
  const result = poll(state, message)
  if (result === 'won' && state.ownVoteDurable) becomeLeader(state)
  else if (result === 'lost') {
    becomeFollower(state, state.term, NO_PEER)
    // A split vote, most likely: the full timeout would only add to the outage.
    campaignShortly(state)
  }
}

function poll(state: CoreState, message: PreVoteResponse | VoteResponse): 'won' | 'lost' | 'pending' {
  if (!state.votes.has(message.from)) state.votes.set(message.from, !message.reject)
  return state.tracker.tally(state.voteOf)
}
