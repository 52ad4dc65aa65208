/**
 * The leader: takes proposals, counts acknowledgements, keeps its quorum, confirms reads, hands leadership over.
 */
import { assert, must } from '../lib/assert.ts'
import { ENTRY_HEADER_SIZE, type Entry, EntryKind, encodeEntry } from '../protocol/entry.ts'
import type { PeerId } from '../protocol/members.ts'
import { encodeConfChange, LEAVE_JOINT } from './conf-change.ts'
import { changeConf, isJoint, isVoter } from './membership.ts'
import type { AppendResponse, HeartbeatResponse, Message } from './messages.ts'
import type { Progress } from './progress.ts'
import {
  broadcastCommitIndex,
  broadcastHeartbeats,
  sendAppend,
  sendProbe,
  sendTimeoutNow,
} from './replication.ts'
import type { CoreState } from './state.ts'
import { becomeFollower, enterRole, traceRole } from './transitions.ts'
import { type ConfChange, type ConfState, NO_PEER } from './types.ts'

export type ProposeResult = 'ok' | 'notLeader' | 'transferring' | 'full'
export type ConfProposal = 'ok' | 'notLeader' | 'transferring' | 'pending' | 'invalid'

/** Raft 5.2 and 8: announces itself with an empty entry, whose commit makes everything before it committed too. */
export function becomeLeader(state: CoreState): void {
  assert(state.role === 'candidate', () => `A ${state.role} cannot become leader`)
  assert(state.tracker.selfIsVoter, 'Only a voter can lead')
  enterRole(state, 'leader', state.term)
  state.tracker.reset(state.log.lastIndex)
  // What is uncommitted may hold a configuration entry: none is proposed before all of it is applied.
  state.pendingConfIndex = state.log.lastIndex
  traceRole(state)
  appendOwn(state, EntryKind.empty, [])
  countOwnCopy(state)
}

export function tickLeader(state: CoreState): void {
  state.electionElapsed++
  if (state.electionElapsed >= state.electionTicks) {
    state.electionElapsed = 0
    if (!state.tracker.takeQuorumActive()) {
      becomeFollower(state, state.term, NO_PEER)
      return
    }
  }
  if (state.transferTarget !== NO_PEER) {
    state.transferElapsed++
    if (state.transferElapsed >= state.electionTicks) state.transferTarget = NO_PEER
  }
  state.heartbeatElapsed++
  if (state.heartbeatElapsed >= state.heartbeatTicks) {
    state.heartbeatElapsed = 0
    broadcastHeartbeats(state, true)
  }
}

/** See RaftCore.ticksAhead. */
export function ticksAhead(state: CoreState): number {
  if (state.transferTarget !== NO_PEER) return 1
  const toQuorumCheck = state.electionTicks - state.electionElapsed
  return Math.max(1, Math.min(toQuorumCheck, state.heartbeatTicks - state.heartbeatElapsed))
}

export function stepLeader(state: CoreState, message: Message): void {
  if (message.kind === 'appendResponse') receiveAppendResponse(state, message)
  else if (message.kind === 'heartbeatResponse') receiveHeartbeatResponse(state, message)
}

/**
 * Nothing is put behind a configuration entry before that is applied here. So whoever holds anything behind it knows
 * that it is committed (the commit index travels with entries), and nobody's log grows past those who may still count
 * by the old configuration: that could leave both sides unable to elect.
 */
export function propose(state: CoreState, entry: Entry): ProposeResult {
  if (state.role !== 'leader') return 'notLeader'
  if (state.transferTarget !== NO_PEER) return 'transferring'
  assert(entry.term === state.term, () => `Proposed entry has term ${entry.term}, expected ${state.term}`)
  assert(entry.kind !== EntryKind.config, 'A configuration is proposed by proposeConfChange()')
  const size = entry.frame.length - ENTRY_HEADER_SIZE
  if (state.log.hasPendingConfig || !state.uncommitted.admits(size)) return 'full'
  state.uncommitted.add(entry.index, size)
  appendEntry(state, entry)
  return 'ok'
}

/** Raft 6: at most one configuration entry may be unapplied at a time. */
export function proposeConfChange(state: CoreState, change: ConfChange): ConfProposal {
  if (state.role !== 'leader') return 'notLeader'
  if (state.transferTarget !== NO_PEER) return 'transferring'
  const leaving = change.steps.length === 0
  if (state.pendingConfIndex > state.log.appliedIndex) return 'pending'
  if (isJoint(state.tracker.conf) && !leaving) return 'pending'
  if (typeof changeConf(state.tracker.conf, change) === 'string') return 'invalid'
  appendConf(state, change)
  return 'ok'
}

function appendConf(state: CoreState, change: ConfChange): void {
  state.pendingConfIndex = state.log.lastIndex + 1
  appendOwn(state, EntryKind.config, [encodeConfChange(change)])
}

function appendOwn(state: CoreState, kind: EntryKind, chunks: readonly Buffer[]): void {
  appendEntry(state, encodeEntry(state.group, state.term, state.log.lastIndex + 1, kind, chunks))
}

function appendEntry(state: CoreState, entry: Entry): void {
  state.log.append(entry)
  state.sendDue = true
}

/** Leaves a joint configuration as soon as entering it is applied; also one that an earlier leader left behind. */
export function leaveJointIfDue(state: CoreState): void {
  const conf = state.tracker.conf
  if (state.role !== 'leader' || !isJoint(conf) || !conf.autoLeave) return
  if (state.log.appliedIndex >= state.pendingConfIndex) appendConf(state, LEAVE_JOINT)
}

/** This node's own copy counts as soon as it is durable, and not before. */
export function countOwnCopy(state: CoreState): void {
  const own = must(state.tracker.get(state.peerId), 'progress of the leader itself')
  if (own.acknowledge(state.log.stableIndex)) commitCounted(state)
  if (state.heldBack) {
    state.heldBack = false
    state.sendDue = true
  }
}

function commitCounted(state: CoreState): void {
  const index = state.tracker.committedIndex()
  if (!state.log.commitInTerm(index, state.term)) return
  state.termCommitted = true
  state.uncommitted.release(index)
  state.trace?.({ kind: 'commit', index, byCounting: true })
}

function receiveAppendResponse(state: CoreState, message: AppendResponse): void {
  const progress = state.tracker.get(message.from)
  if (progress === null) return
  progress.recentActive = true
  progress.space = message.space
  if (message.reject) receiveReject(state, progress, message)
  else receiveAcknowledgement(state, progress, message)
}

/** The logs differ at prevIndex. The hints let both sides skip a whole term per probe (Raft 5.3, last paragraphs). */
function receiveReject(state: CoreState, progress: Progress, message: AppendResponse): void {
  const { hintIndex, hintTerm } = message
  const match = hintTerm > 0 ? state.log.findConflict(hintIndex, hintTerm).index : hintIndex
  if (progress.reject(message.index, match)) state.sendDue = true
}

function receiveAcknowledgement(state: CoreState, progress: Progress, message: AppendResponse): void {
  const { index } = message
  assert(index <= state.log.lastIndex, () => `Peer ${progress.peer} acknowledged ${index}, never sent`)
  const news = progress.acknowledge(index)
  if (!news && !(progress.state === 'probe' && index === progress.match)) return
  if (progress.state === 'replicate') progress.inflights.freeTo(index)
  else if (progress.state === 'probe' || progress.match + 1 >= state.log.firstIndex()) {
    progress.becomeReplicate()
  }
  if (news) commitCounted(state)
  if (progress.next <= state.log.lastIndex) state.sendDue = true
  if (progress.peer === state.transferTarget && progress.match === state.log.lastIndex) sendTimeoutNow(state)
}

function receiveHeartbeatResponse(state: CoreState, message: HeartbeatResponse): void {
  const progress = state.tracker.get(message.from)
  if (progress === null) return
  progress.recentActive = true
  progress.space = message.space
  confirmReads(state, message)
  if (!progress.checkDue) return
  progress.checkDue = false
  checkProgress(state, progress)
}

/** The follower answers but has acknowledged nothing new for a while: what was sent may be lost. */
function checkProgress(state: CoreState, progress: Progress): void {
  if (progress.state === 'probe') {
    progress.probeSent = false
    if (!sendAppend(state, progress)) sendProbe(state, progress)
  } else if (progress.state === 'replicate' && progress.match < state.log.lastIndex) {
    sendProbe(state, progress)
    state.sendDue = true
  }
}

function confirmReads(state: CoreState, message: HeartbeatResponse): void {
  if (!state.reads.acknowledge(message.from, message.position)) return
  if (state.tracker.tally(state.readVoteOf) === 'won') state.reads.confirm()
}

/** R3: a round begins when reads wait and none is in flight. */
export function readRoundIsDue(state: CoreState): boolean {
  return state.reads.isDue && state.canStartReads
}

export function startReadRound(state: CoreState): void {
  state.reads.start(state.log.commitIndex)
  if (state.tracker.tally(state.readVoteOf) === 'won') state.reads.confirm()
  else broadcastHeartbeats(state, false)
}

/** Raft thesis 3.10. The target is a voter other than this node; proposals stop until it is done or given up. */
export function transferLeadership(state: CoreState, target: PeerId): 'ok' | 'notLeader' | 'invalid' {
  if (state.role !== 'leader') return 'notLeader'
  const progress = state.tracker.get(target)
  if (progress === null || target === state.peerId || !isVoter(state.tracker.conf, target)) return 'invalid'
  if (state.transferTarget === target) return 'ok'
  state.transferTarget = target
  state.transferElapsed = 0
  if (progress.match === state.log.lastIndex) sendTimeoutNow(state)
  else state.sendDue = true
  return 'ok'
}

/**
 * Raft thesis 4.2.2: this node's removal is committed. One that has everything campaigns at once, under the old
 * configuration if it must; failing that, at least the commit index goes out before this node falls silent.
 */
function handOver(state: CoreState): void {
  const { tracker, log } = state
  const heirs = tracker.others.filter((progress) => progress.match === log.lastIndex)
  const heir = heirs.find((progress) => isVoter(tracker.conf, progress.peer) && progress.recentActive)
  if (heir === undefined) {
    broadcastCommitIndex(state)
    return
  }
  state.transferTarget = heir.peer
  sendTimeoutNow(state)
}

/** A configuration has been applied on the leader. */
export function leadUnderConf(state: CoreState, conf: ConfState): void {
  if (!isVoter(conf, state.peerId)) {
    handOver(state)
    becomeFollower(state, state.term, NO_PEER)
    return
  }
  if (!isVoter(conf, state.transferTarget)) state.transferTarget = NO_PEER
  commitCounted(state)
  state.sendDue = true
}
