/**
 * Membership changes on the leader: a node joins as a learner, is promoted when it has caught up, and takes the place
 * of an older incarnation of its name (or of a named member) in one joint change (Raft 6; design 4). Each stage is
 * derived from the committed configuration, so that a new leader goes on where the old one stopped.
 */
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Member, PeerId } from '../../protocol/members.ts'
import type { RaftCore } from '../../raft/core.ts'
import type { ConfChangeStep } from '../../raft/types.ts'
import type { Transport } from '../../transport/types.ts'
import type { AdminRequest } from '../execute.ts'
import { olderProgram } from '../leader/engine-levels.ts'
import type { Configuration } from './configuration.ts'
import { isDone, memberThere, type NamedPeer } from './repeated-change.ts'

const DEADLINE_MS = 60_000
/** Writes stand still while a transfer is tried, so it is not tried for long. */
const TRANSFER_MS = 2_000
const INTERVAL_MS = 50
/** A former member that was heard this lately is really there. */
const ALIVE_MS = 500
/** Repeats of one request that wait with it. */
const WAITING_MAX = 64
/** A learner is promoted when it lacks at most this many entries. */
const CAUGHT_UP_ENTRIES = 200

export interface MembershipOptions {
  readonly core: RaftCore
  readonly configuration: Configuration
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  readonly self: Member
  readonly clusterId: string
  readonly leads: () => boolean
  /** The engine level that the cluster has or may soon have (R7). */
  readonly level: () => number
  /** Tells a fresh node that it is about to become a member of this cluster. */
  readonly invite: (peer: PeerId) => void
  /** The set of peers to connect to changed. */
  readonly peersChanged: () => void
  /** Drives the core after a proposal. */
  readonly schedule: () => void
}

type JoinRequest = Extract<AdminRequest, { kind: 'addNode' | 'replaceNode' }>

interface Operation {
  readonly request: AdminRequest
  /** More than one when it was asked for again meanwhile. */
  readonly waiting: ((error: string | null) => void)[]
  readonly sinceMs: number
  readonly deadlineMs: number
  /** Voters when the operation began: the joining node is none of them. */
  readonly initialVoters: ReadonlySet<PeerId>
}

export class Membership {
  readonly #options: MembershipOptions
  #operation: Operation | null = null
  #nextMs = 0

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  /** A node to connect to although it is no member yet. */
  joining(): { name: string; address: string } | null {
    const request = this.#operation?.request
    return request !== undefined && isJoin(request)
      ? { name: request.name, address: request.peerAddress }
      : null
  }

  request(request: AdminRequest, done: (error: string | null) => void): void {
    if (!this.#options.leads()) return done('this node does not lead any more; try again')
    if (this.#operation !== null) return this.#join(this.#operation, request, done)
    const isDone = this.#isDone(request, Number.NEGATIVE_INFINITY)
    // Who took over must be heard from now on, which the operation waits for.
    if (isDone && request.kind !== 'replaceNode') return done(null)
    const refusal = isDone ? null : this.#check(request)
    if (refusal !== null) return done(refusal)
    const patienceMs = request.kind === 'transferLeader' ? TRANSFER_MS : DEADLINE_MS
    const sinceMs = this.#options.clock.monotonicMs()
    const initialVoters = new Set(this.#options.configuration.confState.voters)
    this.#operation = { request, waiting: [done], sinceMs, deadlineMs: sinceMs + patienceMs, initialVoters }
    this.#options.peersChanged()
    this.#nextMs = 0
  }

  /** The same request again is answered with the first one. */
  #join(
    { request: first, waiting }: Operation,
    request: AdminRequest,
    done: (error: string | null) => void,
  ): void {
    const isSame = JSON.stringify(first) === JSON.stringify(request)
    if (isSame && waiting.length < WAITING_MAX) waiting.push(done)
    else done('another membership change is under way; try again when it is done')
  }

  #isDone(request: AdminRequest, sinceMs: number): boolean {
    return isDone(request, this.#options.configuration, this.#connected(sinceMs))
  }

  /**
   * Who could be meant, and who was heard since: not the connections of an emptied node's earlier self, which it takes
   * a while to miss.
   */
  #connected(sinceMs: number): NamedPeer[] {
    const { transport, self, configuration } = this.#options
    const peers = transport.peers().map(({ info: { name, peerId }, lastHeardMs }) => {
      return { name, peerId, isHeard: lastHeardMs >= sinceMs }
    })
    const own = { name: self.name, peerId: self.peerId, isHeard: true }
    return [own, ...peers.filter(({ peerId }) => !configuration.removed.includes(peerId))]
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + INTERVAL_MS
    if (!this.#options.leads()) {
      if (this.#operation !== null) this.#finishAsFollower(this.#operation, nowMs)
      return
    }
    if (this.#operation !== null) this.#advance(this.#operation, nowMs)
    this.#promoteLearners()
  }

  #check(request: AdminRequest): string | null {
    const { configuration } = this.#options
    switch (request.kind) {
      case 'addNode':
        if (!/^[A-Za-z0-9._-]{1,64}$/.test(request.name))
          return `bad node name '${request.name}': want 1-64 of A-Z a-z 0-9 . _ -`
        return configuration.named(request.name) === undefined ||
          memberThere(request, configuration, this.#connected(0)) !== undefined
          ? null
          : `${request.name} is a member already; to give its place to a wiped node of that name use 'node replace'`
      case 'replaceNode':
        return configuration.named(request.old) === undefined ? this.#unknown(request.old) : null
      case 'removeNode': {
        const member = configuration.named(request.name)
        if (member === undefined) return this.#unknown(request.name)
        const isLast = configuration.confState.voters.length === 1 && configuration.isVoter(member.peerId)
        return isLast ? 'the last voter cannot be removed' : null
      }
      case 'transferLeader':
        return request.to === null ? null : this.#checkSuccessor(request.to)
    }
  }

  #unknown(name: string): string {
    const names = this.#options.configuration.members.map((member) => member.name)
    return `${name} is not a member; the members are ${names.join(', ')}`
  }

  #checkSuccessor(name: string): string | null {
    const { configuration } = this.#options
    const member = configuration.named(name)
    if (member === undefined) return this.#unknown(name)
    return configuration.isVoter(member.peerId) ? null : `${name} is not a voter yet`
  }

  #advance(operation: Operation, nowMs: number): void {
    if (nowMs > operation.deadlineMs) return this.#finish(operation, this.#timeoutText(operation.request))
    const { request } = operation
    switch (request.kind) {
      case 'addNode':
      case 'replaceNode':
        return this.#bringIn(operation, request)
      case 'removeNode':
        return this.#remove(operation, request.name)
      case 'transferLeader':
        return this.#transfer(operation, request.to)
    }
  }

  #bringIn(operation: Operation, request: JoinRequest): void {
    const { initialVoters, sinceMs } = operation
    if (this.#isDone(request, sinceMs)) return this.#finish(operation, null)
    const { configuration, transport, clusterId, invite, clock } = this.#options
    // Another name than the one it replaces may be a voter already: an earlier attempt got that far.
    const mayBeVoter = request.kind === 'replaceNode' && request.old !== request.name
    const fresh = transport
      .peers()
      .filter(({ info, lastHeardMs }) => info.name === request.name && lastHeardMs >= sinceMs)
      .filter(({ info }) => mayBeVoter || !initialVoters.has(info.peerId))
    const isFormer = (peer: PeerId): boolean => configuration.removed.includes(peer)
    const aliveMs = clock.monotonicMs() - ALIVE_MS
    const peer =
      fresh.find(({ info }) => !isFormer(info.peerId)) ??
      fresh.find(({ lastHeardMs }) => lastHeardMs >= aliveMs)
    if (peer === undefined) return
    const { info } = peer
    const older = olderProgram(info, this.#options.level())
    if (older !== null) return this.#finish(operation, older)
    if (info.clusterId === '') return invite(info.peerId)
    if (info.clusterId !== clusterId)
      return this.#finish(operation, `${request.name} belongs to another cluster (${info.clusterId})`)
    const { peerId } = info
    if (isFormer(peerId)) {
      return this.#finish(
        operation,
        `${request.name} was a member before: empty its data folder and start it again`,
      )
    }
    const settled = configuration.confState.votersOutgoing.length === 0
    if (configuration.isVoter(peerId)) {
      const old = this.#replaced(request, peerId)
      if (settled && old === null) this.#finish(operation, null)
      else if (settled && old !== null) this.#propose([{ kind: 'remove', peer: old.peerId }], [])
      return
    }
    if (configuration.isLearner(peerId) || !settled) return
    const member: Member = {
      peerId,
      name: info.name,
      incarnation: info.incarnation,
      peerAddress: request.peerAddress,
    }
    this.#propose([{ kind: 'addLearner', peer: peerId }], [member])
  }

  /** The member to be replaced, while it is still there. */
  #replaced(request: JoinRequest, newPeer: PeerId): Member | null {
    if (request.kind !== 'replaceNode') return null
    const { members } = this.#options.configuration
    return members.find((member) => member.name === request.old && member.peerId !== newPeer) ?? null
  }

  #remove(operation: Operation, name: string): void {
    const { configuration } = this.#options
    const member = configuration.named(name)
    if (member === undefined) return this.#finish(operation, null)
    this.#propose([{ kind: 'remove', peer: member.peerId }], [])
  }

  #transfer(operation: Operation, to: string | null): void {
    const named = to === null ? null : (this.#options.configuration.named(to)?.peerId ?? null)
    if (named === this.#options.self.peerId) return this.#finish(operation, null)
    // Activity is counted anew with every quorum check: that there is none yet says nothing, the deadline does.
    const target = this.bestSuccessor(named)
    if (target === null) return
    this.#options.core.transferLeadership(target)
    this.#options.schedule()
  }

  /** The reachable voter with the longest log and room on its disk (only `wanted` unless null), or null. */
  bestSuccessor(wanted: PeerId | null = null): PeerId | null {
    let best: PeerId | null = null
    let bestMatch = -1
    for (const progress of this.#options.core.status().progress) {
      if (progress.peer === this.#options.self.peerId || !progress.recentActive || progress.space !== 0)
        continue
      if (!this.#options.configuration.confState.voters.includes(progress.peer)) continue
      if (wanted !== null && wanted !== progress.peer) continue
      if (progress.match > bestMatch) {
        best = progress.peer
        bestMatch = progress.match
      }
    }
    return best
  }

  #promoteLearners(): void {
    const { core, configuration } = this.#options
    if (configuration.confState.votersOutgoing.length > 0) return
    for (const learner of configuration.confState.learners) {
      const progress = core.status().progress.find(({ peer }) => peer === learner)
      if (progress === undefined || !progress.recentActive) continue
      if (progress.match === 0 || progress.match + CAUGHT_UP_ENTRIES < core.commitIndex) continue
      const steps: ConfChangeStep[] = [{ kind: 'addVoter', peer: learner }]
      for (const old of this.#replacedBy(learner)) steps.push({ kind: 'remove', peer: old })
      return this.#propose(steps, [])
    }
  }

  /** Older incarnations of the learner's name, and the member that the running operation names. */
  #replacedBy(learner: PeerId): PeerId[] {
    const { configuration } = this.#options
    const name = configuration.member(learner)?.name
    const request = this.#operation?.request
    const old = request?.kind === 'replaceNode' && request.name === name ? request.old : name
    return configuration.members
      .filter((member) => member.peerId !== learner && (member.name === name || member.name === old))
      .map((member) => member.peerId)
  }

  #propose(steps: readonly ConfChangeStep[], members: readonly Member[]): void {
    const outcome = this.#options.core.proposeConfChange({ steps, members })
    if (outcome === 'ok')
      this.#options.logger.info('Membership change proposed', { steps: JSON.stringify(steps) })
    this.#options.schedule()
  }

  /** Not the leader any more: a removal of oneself succeeded, a transfer maybe; the rest may go on elsewhere. */
  #finishAsFollower(operation: Operation, nowMs: number): void {
    const { request } = operation
    const { configuration } = this.#options
    if (request.kind === 'transferLeader') return this.#finishTransfer(operation, request.to, nowMs)
    const isOut = request.kind === 'removeNode' && configuration.named(request.name) === undefined
    if (isOut) return this.#finish(operation, null)
    this.#finish(operation, 'leadership changed during the change; look at the members and try again')
  }

  /** Leadership is handed over when another one has it: this node may have lost it for want of a majority. */
  #finishTransfer(operation: Operation, to: string | null, nowMs: number): void {
    const { core, configuration } = this.#options
    const leader = core.leader === 0 ? null : (configuration.member(core.leader)?.name ?? 'another member')
    if (leader === null && nowMs <= operation.deadlineMs) return
    if (leader === null)
      this.#finish(operation, 'this node does not lead any more, and no other leader is known')
    else this.#finish(operation, to === null || to === leader ? null : `${leader} leads now, and not ${to}`)
  }

  #finish(operation: Operation, error: string | null): void {
    this.#operation = null
    this.#options.peersChanged()
    for (const done of operation.waiting) done(error)
  }

  #timeoutText(request: AdminRequest): string {
    if (request.kind === 'transferLeader')
      return `${request.to ?? 'another member'} must be up to date, reachable and have room on its disk`
    if (!isJoin(request)) return 'the change was not completed in time'
    const where = `${request.name} at ${request.peerAddress}`
    return `${where} did not become a member in time: is it running, fresh, and reachable?`
  }
}

function isJoin(request: AdminRequest): request is JoinRequest {
  return request.kind === 'addNode' || request.kind === 'replaceNode'
}
