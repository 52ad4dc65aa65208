/**
 * The leader's sending side: appendEntries, snapshot offers, heartbeats. Appends leave before the entries are durable
 * here (Raft thesis 10.2.1); only the count of this node's own copy waits for its disk.
 */
import type { Entry } from '../protocol/entry.ts'
import type { Progress } from './progress.ts'
import type { CoreState } from './state.ts'
import { type Index, NO_PEER } from './types.ts'

const NO_ENTRIES: readonly Entry[] = []

/** R4: while heartbeats are withheld nothing leaves that would look like a live leader, except to the successor. */
function maySendTo(state: CoreState, progress: Progress): boolean {
  return !state.heartbeatsWithheld || progress.peer === state.transferTarget
}

/** Sends everything that every follower's window has room for. */
export function sendDueAppends(state: CoreState): void {
  for (const progress of state.tracker.others) {
    while (sendAppend(state, progress)) {
      // One message per round, until nothing is left or the window is full.
    }
  }
}

/** Notes when something is held back, so that it follows as soon as it is durable here. */
function hasSendable(state: CoreState, progress: Progress): boolean {
  if (progress.next <= state.log.sendableTo) return true
  if (progress.next <= state.log.lastIndex) state.heldBack = true
  return false
}

/** One appendEntries with entries, or a snapshot offer; false when there is nothing to send or no room. */
export function sendAppend(state: CoreState, progress: Progress): boolean {
  if (progress.isPaused() || !maySendTo(state, progress) || !hasSendable(state, progress)) return false
  const prevTerm = state.log.term(progress.next - 1)
  if (prevTerm === null) return offerSnapshot(state, progress)
  const entries = state.log.entries(progress.next, state.limits.appendBytes)
  if (entries === 'compacted') return offerSnapshot(state, progress)
  if (entries === 'pending') return progress.state === 'probe' && sendProbe(state, progress)
  send(state, progress, prevTerm, entries)
  return true
}

/**
 * An appendEntries without entries: finds out whether what was sent before arrived, and tells the commit index.
 * False when the follower needs a snapshot or may not be sent to.
 */
export function sendProbe(state: CoreState, progress: Progress): boolean {
  if (progress.state === 'snapshot' || !maySendTo(state, progress)) return false
  if (progress.state === 'probe' && progress.probeSent) return false
  const prevTerm = state.log.term(progress.next - 1)
  if (prevTerm === null) return offerSnapshot(state, progress)
  send(state, progress, prevTerm, NO_ENTRIES)
  return true
}

function send(state: CoreState, progress: Progress, prevTerm: number, entries: readonly Entry[]): void {
  const prevIndex = progress.next - 1
  const last = prevIndex + entries.length
  const commitIndex = state.log.commitIndex
  state.outbox.send({
    kind: 'appendEntries',
    from: state.peerId,
    to: progress.peer,
    term: state.term,
    prevIndex,
    prevTerm,
    commitIndex,
    entries,
  })
  let bytes = 0
  for (const entry of entries) bytes += entry.frame.length
  progress.sent(last, bytes, entries.length > 0)
  noteCommitSent(progress, Math.min(commitIndex, last))
}

function noteCommitSent(progress: Progress, commitIndex: Index): void {
  if (commitIndex > progress.sentCommit) progress.sentCommit = commitIndex
}

/** The follower needs entries that are gone. An inactive one is not offered anything: it could not fetch it. */
function offerSnapshot(state: CoreState, progress: Progress): boolean {
  if (!progress.recentActive) return false
  const meta = state.log.snapshot()
  if (meta === null || meta.index < Math.max(state.log.firstIndex() - 1, progress.match)) return false
  progress.becomeSnapshot(meta.index)
  state.outbox.send({
    kind: 'installSnapshot',
    from: state.peerId,
    to: progress.peer,
    term: state.term,
    meta,
  })
  return true
}

/** An offer may have been lost, or its receiver was busy with another: it is repeated every election timeout. */
function repeatOffer(state: CoreState, progress: Progress, ticks: number): void {
  if (progress.state !== 'snapshot') return
  progress.offerAge += ticks
  if (progress.offerAge < state.electionTicks || !maySendTo(state, progress)) return
  offerSnapshot(state, progress)
}

/** Heartbeats to everyone; `onTick` when they are the regular ones. */
export function broadcastHeartbeats(state: CoreState, onTick: boolean): void {
  for (const progress of state.tracker.others) {
    if (onTick) {
      progress.checkDue = progress.match === progress.matchAtTick
      progress.matchAtTick = progress.match
      repeatOffer(state, progress, state.heartbeatTicks)
    }
    sendHeartbeat(state, progress)
  }
}

function sendHeartbeat(state: CoreState, progress: Progress): void {
  if (!maySendTo(state, progress)) return
  const commitIndex = Math.min(progress.match, state.log.commitIndex)
  state.outbox.send({
    kind: 'heartbeat',
    from: state.peerId,
    to: progress.peer,
    term: state.term,
    commitIndex,
    position: state.reads.position,
  })
  noteCommitSent(progress, commitIndex)
}

/** Some follower that could know the newest commit index has not been told. */
export function commitIsBehind(state: CoreState): boolean {
  for (const progress of state.tracker.others) if (owesCommit(state, progress)) return true
  return false
}

function owesCommit(state: CoreState, progress: Progress): boolean {
  if (progress.state !== 'replicate') return false
  return progress.sentCommit < Math.min(state.log.commitIndex, progress.next - 1)
}

/** Tells the commit index to those who are behind: by heartbeat where it suffices, else behind the entries sent. */
export function broadcastCommitIndex(state: CoreState): void {
  for (const progress of state.tracker.others) {
    if (!owesCommit(state, progress)) continue
    if (progress.match >= state.log.commitIndex) sendHeartbeat(state, progress)
    else sendProbe(state, progress)
  }
}

/** Raft thesis 3.10: the successor has everything and may campaign. */
export function sendTimeoutNow(state: CoreState): void {
  if (state.transferTarget === NO_PEER) return
  state.outbox.send({
    kind: 'timeoutNow',
    from: state.peerId,
    to: state.transferTarget,
    term: state.term,
  })
}
