/**
 * What every change of role has in common, and the one change that any role can make: becoming a follower.
 */
import { assert } from '../lib/assert.ts'
import type { PeerId } from '../protocol/members.ts'
import type { CoreState } from './state.ts'
import { NO_PEER, type Role, type Term } from './types.ts'

/** After a lost or split election, and after a hint that the leader died: ticks before the next attempt. */
const SHORT_DELAY_TICKS = 2

/** Enters `role` in `term`; forgets everything that belonged to the old role. */
export function enterRole(state: CoreState, role: Role, term: Term): void {
  assert(term >= state.term, () => `Term would fall from ${state.term} to ${term}`)
  if (term !== state.term) {
    state.term = term
    state.votedFor = NO_PEER
  }
  if (state.role === 'leader') {
    state.reads.drop()
    state.uncommitted.reset()
    state.tracker.reset(state.log.lastIndex)
  }
  state.role = role
  state.leader = role === 'leader' ? state.peerId : NO_PEER
  state.votes.clear()
  state.electionElapsed = 0
  state.heartbeatElapsed = 0
  state.electionTimeout = state.randomTicks(state.electionTicks)
  state.transferTarget = NO_PEER
  state.transferElapsed = 0
  state.termCommitted = false
  state.sendDue = false
  state.heldBack = false
  state.campaignWhenApplied = false
}

/** Follows `leader` (NO_PEER: not known yet) in `term`. */
export function becomeFollower(state: CoreState, term: Term, leader: PeerId): void {
  enterRole(state, 'follower', term)
  state.leader = leader
  traceRole(state)
}

/** The next campaign begins after a short random delay unless a leader is heard before. */
export function campaignShortly(state: CoreState): void {
  state.electionElapsed = 0
  state.electionTimeout = SHORT_DELAY_TICKS + state.random.below(3 * SHORT_DELAY_TICKS)
}

export function traceRole(state: CoreState): void {
  state.trace?.({ kind: 'role', role: state.role, term: state.term, leader: state.leader })
}
