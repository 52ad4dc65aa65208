/**
 * One Raft replica as a pure step machine: messages, ticks and acknowledgements in, numbered Ready objects out. No I/O,
 * no clock, no randomness of its own. docs/internals/raft.md has the contract; the role modules have the rules.
 */
import { assert, must } from '../lib/assert.ts'
import type { Entry } from '../protocol/entry.ts'
import type { PeerId } from '../protocol/members.ts'
import { campaign, campaignIfWaiting, followerTicksAhead, stepCandidate, tickFollower } from './election.ts'
import {
  acknowledge,
  answerPreVote,
  answerVote,
  deposeStaleLeader,
  hearLeader,
  receiveAppend,
  receiveHeartbeat,
  receiveSnapshotOffer,
} from './follower.ts'
import * as leader from './leader.ts'
import { changeConf } from './membership.ts'
import type { Message } from './messages.ts'
import { ReadyMaker } from './ready.ts'
import { broadcastCommitIndex, commitIsBehind, sendDueAppends } from './replication.ts'
import { type CoreOptions, CoreState } from './state.ts'
import { type CoreStatus, coreStatus } from './status.ts'
import { becomeFollower, campaignShortly } from './transitions.ts'
import {
  type ConfChange,
  type ConfState,
  type HardState,
  type Index,
  NO_PEER,
  type Ready,
  type Role,
  type SnapshotMeta,
  type Term,
} from './types.ts'

export class RaftCore {
  readonly #state: CoreState
  readonly #ready: ReadyMaker

  constructor(options: CoreOptions) {
    const state = new CoreState(options)
    this.#state = state
    this.#ready = new ReadyMaker(state, options.hardState)
    becomeFollower(state, options.hardState.term, NO_PEER)
  }

  get peerId(): PeerId {
    return this.#state.peerId
  }

  get role(): Role {
    return this.#state.role
  }

  get term(): Term {
    return this.#state.term
  }

  /** The leader of this term, or NO_PEER while none is known. */
  get leader(): PeerId {
    return this.#state.leader
  }

  get commitIndex(): Index {
    return this.#state.log.commitIndex
  }

  get appliedIndex(): Index {
    return this.#state.log.appliedIndex
  }

  /** The newest entry, durable or not. The next proposal has lastIndex + 1. */
  get lastIndex(): Index {
    return this.#state.log.lastIndex
  }

  /** The configuration in force: as applied. */
  get confState(): ConfState {
    return this.#state.tracker.conf
  }

  /** What the next synced batch must leave durable. */
  get hardState(): HardState {
    const { term, votedFor, log } = this.#state
    return { term, votedFor, commitIndex: log.commitIndex }
  }

  /** Some follower has not been told the newest commit index: call broadcastCommit() if nothing follows within 1 ms. */
  get commitBroadcastDue(): boolean {
    return this.#state.isLeader && commitIsBehind(this.#state)
  }

  status(): CoreStatus {
    return coreStatus(this.#state)
  }

  /** R6, on the leader: what a member last said of its space; 0 of those that said nothing since it leads. */
  spaceOf(peer: PeerId): number {
    return this.#state.tracker.get(peer)?.space ?? 0
  }

  /** How many calls of tick(), at least 1, until one may do more than count; a message may change that. */
  get ticksAhead(): number {
    return this.#state.isLeader ? leader.ticksAhead(this.#state) : followerTicksAhead(this.#state)
  }

  /** 10 ms have passed. After a pause of the process call it once or twice, not once per tick missed. */
  tick(): void {
    if (this.#state.isLeader) leader.tickLeader(this.#state)
    else tickFollower(this.#state)
  }

  /** Handles a message for this node; anything stale, duplicate or misplaced is ignored. */
  step(message: Message): void {
    const state = this.#state
    assert(message.to === state.peerId, () => `Message for ${message.to} came to ${state.peerId}`)
    state.trace?.({ kind: 'received', message })
    if (message.term > state.term && !this.#meetHigherTerm(message)) return
    if (message.term < state.term) this.#answerLowerTerm(message)
    else this.#stepInTerm(message)
  }

  /** False when the message is to be ignored. */
  #meetHigherTerm(message: Message): boolean {
    const state = this.#state
    const { kind } = message
    if (kind === 'requestVote' || kind === 'requestPreVote') {
      const transfer = kind === 'requestVote' && message.transfer
      if (state.hasLiveLeader && !transfer) return false
    }
    if (kind === 'requestPreVote') {
      // Asking costs nothing: neither side changes its term.
      answerPreVote(state, message)
      return false
    }
    if (kind === 'preVoteResponse' && !message.reject) {
      stepCandidate(state, message)
      return false
    }
    becomeFollower(state, message.term, NO_PEER)
    return true
  }

  #answerLowerTerm(message: Message): void {
    const { kind, from } = message
    if (kind === 'heartbeat' || kind === 'appendEntries') deposeStaleLeader(this.#state, from)
    else if (kind === 'requestPreVote') answerPreVote(this.#state, message)
  }

  #stepInTerm(message: Message): void {
    const state = this.#state
    switch (message.kind) {
      case 'appendEntries':
        hearLeader(state, message.from)
        receiveAppend(state, message)
        return
      case 'heartbeat':
        hearLeader(state, message.from)
        receiveHeartbeat(state, message)
        return
      case 'installSnapshot':
        hearLeader(state, message.from)
        receiveSnapshotOffer(state, message)
        return
      case 'requestVote':
        answerVote(state, message)
        return
      case 'requestPreVote':
        answerPreVote(state, message)
        return
      case 'timeoutNow':
        if (state.role === 'follower') campaign(state, true)
        return
      default:
        if (state.isLeader) leader.stepLeader(state, message)
        else stepCandidate(state, message)
    }
  }

  /** True when takeReady() has something to say. */
  hasReady(): boolean {
    return this.#ready.isDue()
  }

  /** What the host must do now; see Ready. One object and its arrays are reused: valid until the next call. */
  takeReady(): Ready<Message> {
    const state = this.#state
    if (state.sendDue) {
      state.sendDue = false
      sendDueAppends(state)
    }
    if (leader.readRoundIsDue(state)) leader.startReadRound(state)
    return this.#ready.make()
  }

  /** Every Ready up to `number` is durable. Numbers without mustSync need no call of their own. */
  persisted(number: number): void {
    const state = this.#state
    state.log.stableTo(state.persistence.acknowledge(number))
    state.log.commitDurable(state.persistence.durableCommit)
    for (const message of state.outbox.release(number, state.peerId)) this.step(message)
    if (state.isLeader) leader.countOwnCopy(state)
  }

  /** Entries up to `index` are in the state machine; a configuration entry only after applyConfChange(). */
  appliedTo(index: Index): void {
    this.#state.log.appliedTo(index)
    leader.leaveJointIfDue(this.#state)
    campaignIfWaiting(this.#state)
  }

  /** Leader: appends an entry made by encodeEntry() with `term` and `lastIndex + 1`. */
  propose(entry: Entry): leader.ProposeResult {
    return leader.propose(this.#state, entry)
  }

  /** Leader: encodes and appends a configuration entry. 'pending': another one is not applied yet. */
  proposeConfChange(change: ConfChange): leader.ConfProposal {
    return leader.proposeConfChange(this.#state, change)
  }

  /**
   * The host applies the configuration entry that carries `change`: it is in force from here. Afterwards the host
   * calls appliedTo() with that entry's index before it applies anything behind it.
   */
  applyConfChange(change: ConfChange): ConfState {
    const conf = changeConf(this.#state.tracker.conf, change)
    assert(typeof conf !== 'string', () => `Committed configuration change is not valid: ${conf}`)
    this.#adoptConf(conf)
    return conf
  }

  #adoptConf(conf: ConfState): void {
    const state = this.#state
    state.tracker.setConf(conf, state.log.lastIndex)
    state.trace?.({ kind: 'conf', conf })
    if (state.isLeader) leader.leadUnderConf(state, conf)
    else this.#stopCampaignUnless(state.tracker.selfIsVoter)
  }

  #stopCampaignUnless(allowed: boolean): void {
    const { role, term } = this.#state
    if (!allowed && (role === 'candidate' || role === 'preCandidate'))
      becomeFollower(this.#state, term, NO_PEER)
  }

  /**
   * R3: a position for one linearizable read, strictly increasing; null when this node does not lead or too many reads
   * wait. The answer comes in Ready.reads, or Ready.readsLostTo reaches the position when leadership is lost.
   */
  readIndex(): number | null {
    return this.#state.isLeader ? this.#state.reads.queue() : null
  }

  /** Hands leadership to `target`; given up after one election timeout. Proposals are refused meanwhile. */
  transferLeadership(target: PeerId): 'ok' | 'notLeader' | 'invalid' {
    return leader.transferLeadership(this.#state, target)
  }

  /**
   * A hint that the leader died (its connection is gone): forget it and campaign after a short random delay unless it
   * is heard again. PreVote makes a wrong hint harmless. Nothing happens on the leader.
   */
  forgetLeader(): void {
    const state = this.#state
    if (state.role !== 'follower' || state.leader === NO_PEER) return
    state.leader = NO_PEER
    campaignShortly(state)
  }

  /** The hint still stands: without a leader the next campaign begins in at most `ticks` (>= 1) ticks. */
  campaignSoon(ticks: number): void {
    const state = this.#state
    if (state.isLeader || state.role === 'candidate' || state.leader !== NO_PEER) return
    state.electionTimeout = Math.min(state.electionTimeout, state.electionElapsed + ticks)
  }

  /** R4: while set, a leader sends nothing that makes it look alive, except to the one it hands over to. */
  setHeartbeatsWithheld(withheld: boolean): void {
    const state = this.#state
    state.heartbeatsWithheld = withheld
    if (!withheld && state.isLeader) state.sendDue = true
  }

  /** False: this node (damaged, or full) never campaigns. A leader stays leader until it hands over. */
  setPromotable(promotable: boolean): void {
    this.#state.promotable = promotable
    this.#stopCampaignUnless(promotable)
  }

  /** R6: one byte that travels with every acknowledgement; the leader shows it in status(). */
  setSpace(space: number): void {
    assert(space >= 0 && space < 256, () => `Space state ${space} does not fit into a byte`)
    this.#state.space = space
  }

  /** Leader: messages to `peer` were probably lost; go back to probing. */
  reportUnreachable(peer: PeerId): void {
    const progress = this.#state.tracker.get(peer)
    if (this.#state.isLeader && progress?.state === 'replicate') progress.becomeProbe()
  }

  /** Leader: the transfer of the offered snapshot to `peer` ended. The peer's own acknowledgement works as well. */
  reportSnapshot(peer: PeerId, ok: boolean): void {
    const progress = this.#state.tracker.get(peer)
    if (!this.#state.isLeader || progress?.state !== 'snapshot') return
    if (!ok) progress.pendingSnapshot = 0
    progress.becomeProbe()
    // Wait for a sign of life: right after a transfer the peer may still be installing.
    progress.probeSent = true
  }

  /** Leader: LogReader.snapshot() was null and no longer is. */
  snapshotReady(): void {
    this.#state.sendDue = this.#state.isLeader
  }

  /** Leader: LogReader.entries() was 'pending' and the entries are in memory now. */
  entriesFetched(): void {
    this.#state.sendDue = this.#state.isLeader
  }

  /**
   * Follower: the snapshot of Ready.installSnapshot, or a newer one, is durable; the log of LogReader begins after
   * it.
   */
  snapshotInstalled(meta: SnapshotMeta): void {
    const state = this.#state
    const { index } = must(state.installing, 'offered snapshot').meta
    assert(meta.index >= index, () => `Installed snapshot ${meta.index}, ${index} was on offer`)
    state.installing = null
    state.log.restore(meta)
    state.outbox.dropAppendResponses()
    this.#adoptConf(meta.confState)
    if (state.leader !== NO_PEER) acknowledge(state, state.leader, meta.index)
  }

  /** Follower: the snapshot of Ready.installSnapshot will not be installed; the leader may offer another. */
  snapshotAbandoned(): void {
    this.#state.installing = null
    this.#state.log.thaw()
  }

  /** Leader: tells the commit index to every follower that has not heard it. */
  broadcastCommit(): void {
    if (this.#state.isLeader && !this.#state.heartbeatsWithheld) broadcastCommitIndex(this.#state)
  }
}
