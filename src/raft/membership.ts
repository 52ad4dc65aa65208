/**
 * Configuration arithmetic (Raft 6, thesis 4.3): what a ConfChange makes of a ConfState. One step that moves at most
 * one voter is applied directly; anything larger enters a joint configuration that is left automatically. A voter
 * that is demoted while joint stays a voter of the outgoing set and becomes a learner on leaving (learnersNext).
 */
import { assert } from '../lib/assert.ts'
import type { PeerId } from '../protocol/members.ts'
import type { ConfChange, ConfChangeStep, ConfState } from './types.ts'

/** A node that belongs to nothing yet. */
export const EMPTY_CONF: ConfState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}

/** The plain configuration of these voters. */
export function confOfVoters(voters: readonly PeerId[]): ConfState {
  return { ...EMPTY_CONF, voters: sorted(voters) }
}

export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0
}

/** Counts in elections and commits, in either set. */
export function isVoter(conf: ConfState, peer: PeerId): boolean {
  return conf.voters.includes(peer) || conf.votersOutgoing.includes(peer)
}

/** Everyone the leader replicates to, itself included; each peer once. */
export function allPeers(conf: ConfState): PeerId[] {
  return sorted([...new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners])])
}

/** The configuration after `change`, or why it is not allowed. */
export function changeConf(conf: ConfState, change: ConfChange): ConfState | string {
  if (change.steps.length === 0) return leaveJoint(conf)
  if (isJoint(conf)) return 'a joint configuration must be left first'
  const draft = new Draft(conf)
  for (const step of change.steps) draft.apply(step)
  if (draft.voters.size === 0) return 'no voter would be left'
  // The first configuration replaces nothing, so there is no majority it could conflict with.
  const isFirst = conf.voters.length === 0
  const joint = !isFirst && (change.steps.length > 1 || draft.votersMoved(conf) > 1)
  const next = draft.finish(conf, joint)
  assertConf(next)
  return next
}

function leaveJoint(conf: ConfState): ConfState | string {
  if (!isJoint(conf)) return 'the configuration is not joint'
  const learners = sorted([...conf.learners, ...conf.learnersNext])
  const next = { ...EMPTY_CONF, voters: conf.voters, learners }
  assertConf(next)
  return next
}

class Draft {
  readonly voters: Set<PeerId>
  readonly learners: Set<PeerId>

  constructor(conf: ConfState) {
    this.voters = new Set(conf.voters)
    this.learners = new Set(conf.learners)
  }

  apply(step: ConfChangeStep): void {
    this.voters.delete(step.peer)
    this.learners.delete(step.peer)
    if (step.kind === 'addVoter') this.voters.add(step.peer)
    else if (step.kind === 'addLearner') this.learners.add(step.peer)
  }

  /** Voters that come or go. */
  votersMoved(before: ConfState): number {
    let moved = 0
    for (const voter of this.voters) if (!before.voters.includes(voter)) moved++
    for (const voter of before.voters) if (!this.voters.has(voter)) moved++
    return moved
  }

  finish(before: ConfState, joint: boolean): ConfState {
    const voters = sorted([...this.voters])
    if (!joint) return { ...EMPTY_CONF, voters, learners: sorted([...this.learners]) }
    const demoted = (peer: PeerId) => before.voters.includes(peer)
    return {
      voters,
      votersOutgoing: before.voters,
      learners: sorted([...this.learners].filter((peer) => !demoted(peer))),
      learnersNext: sorted([...this.learners].filter(demoted)),
      autoLeave: true,
    }
  }
}

/** Asserts what holds for every configuration; called on results and on what comes from outside. */
export function assertConf(conf: ConfState): void {
  const flaw = confFlaw(conf)
  assert(flaw === null, () => `Configuration is not valid: ${flaw}`)
}

/** What is wrong with `conf`, or null. */
export function confFlaw(conf: ConfState): string | null {
  for (const peer of conf.learners) if (isVoter(conf, peer)) return `${peer} is both a voter and a learner`
  for (const peer of conf.learnersNext) {
    if (!conf.votersOutgoing.includes(peer)) return `${peer} is a next learner but no outgoing voter`
    if (conf.voters.includes(peer)) return `${peer} is a next learner and an incoming voter`
  }
  if (!isJoint(conf) && conf.autoLeave) return 'only a joint configuration is left automatically'
  const hasMembers = conf.votersOutgoing.length > 0 || conf.learners.length > 0
  return hasMembers && conf.voters.length === 0 ? 'it has members but no voter' : null
}

function sorted(peers: readonly PeerId[]): PeerId[] {
  return [...peers].sort((a, b) => a - b)
}
