/**
 * A formed node at work: one replica with everything that runs beside it (membership, expiry, disk space, stall guard)
 * under one 10 ms tick, and the entrance for commands.
 */
import { levelOf } from '../engine/command-level.ts'
import { isTooNew } from '../engine/too-new.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { type Command, encodeCommand } from '../protocol/commands.ts'
import type { Member, PeerId } from '../protocol/members.ts'
import { errorCodeReply } from '../protocol/reply.ts'
import type { Disk } from '../storage/disk.ts'
import {
  type ClientSession,
  type OwnCommand,
  ownWrite,
  type PendingRead,
  type PendingWrite,
  refuseRead,
  waitsForWrite,
} from './clients/pending.ts'
import type { AdminRequest, ExecuteDone, ExecuteOptions } from './execute.ts'
import { Expirer } from './expirer.ts'
import { judgeClocks } from './guards/clock-watch.ts'
import { SPACE_STATES, type SpaceState, SpaceWatch } from './guards/space.ts'
import { StallGuard } from './guards/stall-guard.ts'
import { Membership } from './members/membership.ts'
import { Replica } from './replica.ts'
import type { ReplicaOptions } from './replica-options.ts'
import { Ticker } from './ticker.ts'

/** The space byte that a leaving node shows its leader: it is no successor (R17). */
const LEAVING = 3
const LOW = SPACE_STATES.indexOf('low')
const FULL = SPACE_STATES.indexOf('full')
const RECLAIM_INTERVAL_MS = 10_000
const CLOCK_INTERVAL_MS = 5_000

export interface ReplicaHostOptions extends Omit<ReplicaOptions, 'onChange'> {
  readonly clusterId: string
  readonly disk: Disk
  readonly folder: string
  readonly lowSpaceBytes: number
  /** The peers to connect to, members or about to become some, changed. */
  readonly onPeers: (peers: readonly { name: string; address: string }[], members: readonly Member[]) => void
  readonly invite: (peer: PeerId) => void
  /** R4: the log's disk is gone for good; every socket must close and the process die. */
  readonly onDead: () => void
}

/** Null, and `onFatal` was told, when only a later version of this program knows what is in the data folder (R7). */
export function openReplicaHost(options: ReplicaHostOptions): ReplicaHost | null {
  try {
    return new ReplicaHost(options)
  } catch (error) {
    if (!isTooNew(error)) throw error
    options.onFatal(error)
    return null
  }
}

export class ReplicaHost {
  readonly replica: Replica
  readonly membership: Membership
  readonly expirer: Expirer
  readonly space: SpaceWatch
  readonly #options: ReplicaHostOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #ticker: Ticker
  readonly #stallGuard = new StallGuard()
  /** Why this node does not campaign; empty = it may. */
  readonly #unfit = new Set<'stalled' | 'leaving' | 'clock'>()
  #nextClockMs = 0
  #nextReclaimMs = 0
  #isSpaceProposed = false

  constructor(options: ReplicaHostOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#logger = options.logger
    this.#ticker = new Ticker({
      clock: options.clock,
      ticksAhead: () => (this.replica.clients.isIdle ? this.replica.core.ticksAhead : 1),
      tick: (ticks) => this.#tick(ticks),
    })
    this.replica = new Replica({ ...options, onChange: () => this.#changed() })
    const { core, configuration } = this.replica
    this.membership = new Membership({
      core,
      configuration,
      transport: options.transport,
      clock: options.clock,
      logger: options.logger,
      self: options.self,
      clusterId: options.clusterId,
      leads: () => this.replica.leading,
      level: () => this.replica.leaderSide.reign.level,
      invite: options.invite,
      peersChanged: () => this.#peersChanged(),
      schedule: () => this.replica.schedule(),
    })
    this.expirer = new Expirer({
      engine: options.engine,
      store: options.store,
      stampMs: () => (this.replica.leading ? this.replica.leaderSide.logClock.nowMs() : null),
      submit: (command, expired) => this.#submitOwn(command, expired),
    })
    this.space = new SpaceWatch({
      disk: options.disk,
      folder: options.folder,
      lowBytes: options.lowSpaceBytes,
      fullBytes: Math.floor(options.lowSpaceBytes / 4),
      changed: (state, report) => this.#onSpace(state, report.freeBytes),
    })
    this.#peersChanged()
    // A cluster of one waits for nobody.
    if (configuration.confState.voters.length === 1) core.campaignSoon(1)
    this.#ticker.start()
  }

  get leaving(): boolean {
    return this.#unfit.has('leaving')
  }

  stop(): void {
    this.#ticker.stop()
    this.replica.stop()
  }

  execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void {
    const deadlineMs = this.#deadline(options.deadlineMs)
    const session = options.session as ClientSession
    if (this.#isAhead(command)) return done({ reply: errorCodeReply('UPGRADING'), error: 'UPGRADING' })
    if (command.spec.kind === 'read') return this.#read(command, session, options, deadlineMs, done)
    const refused = this.#refusedForSpace(command)
    if (refused !== null) return done({ reply: errorCodeReply(refused), error: refused })
    const write: PendingWrite = {
      session,
      encoded: encodeCommand(command.spec.code, command.database, command.args),
      deadlineMs,
      done,
      sequence: 0,
      readsBefore: session.reads.length === 0 ? null : session.reads.slice(),
      readsAfter: null,
      previous: session.newestWrite,
    }
    session.newestWrite = write
    this.#submitWrite(write)
  }

  /** Calls `done` when no entry is being applied; with false when that does not come by `deadlineMs`. */
  atBoundary(deadlineMs: number, done: (inTime: boolean) => void): void {
    const { applier, clients } = this.replica
    clients.waiters.wait(() => applier.atBoundary, this.#deadline(deadlineMs), done)
  }

  admin(request: AdminRequest, done: (error: string | null) => void): void {
    this.membership.request(request, done)
  }

  /**
   * WAIT: other members that surely hold everything up to `index`. Only the leader knows more than that every
   * acknowledged write is on a majority.
   */
  replicasHolding(index: number): number {
    const { core, configuration } = this.replica
    const majority = Math.floor(configuration.confState.voters.length / 2)
    if (core.role !== 'leader') return majority
    const holding = core.status().progress.filter((progress) => progress.match >= index).length
    return Math.max(holding, majority)
  }

  /** R17: leads no more, takes nothing new; `done` when leadership is handed over, or could not be within `waitMs`. */
  leave(waitMs: number, done: () => void): void {
    const { core } = this.replica
    this.#setUnfit('leaving', true)
    core.setSpace(LEAVING)
    const deadlineMs = this.#clock.monotonicMs() + waitMs
    let asked: PeerId | null = null
    const step = (): void => {
      if (core.role !== 'leader' || this.#clock.monotonicMs() >= deadlineMs) return done()
      const target = this.membership.bestSuccessor()
      if (target === null && this.replica.configuration.confState.voters.length === 1) return done()
      if (target !== null && target !== asked) {
        asked = target
        core.transferLeadership(target)
        this.replica.schedule()
      }
      this.#clock.setTimer(2, step)
    }
    step()
  }

  #read(
    command: Command,
    session: ClientSession,
    options: ExecuteOptions,
    deadlineMs: number,
    done: ExecuteDone,
  ): void {
    const { consistency } = options
    const read: PendingRead = {
      session,
      command,
      consistency,
      deadlineMs,
      done,
      after: session.newestWrite,
      nowMs: 0,
    }
    session.reads.push(read)
    if (consistency === 'stale') return this.#readStale(read, options.minRevision ?? 0)
    if (consistency === 'leader' && this.replica.leading) return this.#readHere(read)
    this.replica.clients.gate.submit(read)
    this.replica.schedule()
    this.#ticker.wake()
  }

  #readStale(read: PendingRead, minRevision: number): void {
    const { clients } = this.replica
    const { engine } = this.#options
    if (engine.revision >= minRevision) return clients.runner.serveStale(read)
    const isReached = (): boolean => engine.revision >= minRevision
    clients.waiters.wait(isReached, read.deadlineMs, (inTime) => {
      if (inTime) clients.runner.serveStale(read)
      else refuseRead(read, 'BEHIND')
    })
  }

  /** On the leader: its applied state, unconfirmed; behind the writes ahead of it on its connection. */
  #readHere(read: PendingRead): void {
    read.nowMs = this.replica.leaderSide.logClock.nowMs()
    if (!waitsForWrite(read)) this.replica.clients.runner.serve(read)
  }

  #submitOwn(command: OwnCommand, done: ExecuteDone): void {
    this.#submitWrite(ownWrite(command, this.#deadline(Number.POSITIVE_INFINITY), done))
  }

  #submitWrite(write: PendingWrite): void {
    this.replica.clients.origin.submit(write)
    this.replica.schedule()
    this.#ticker.wake()
  }

  /** In the client side's time; at most the hold limit from now on (R15). */
  #deadline(deadlineMs: number): number {
    return this.replica.clients.deadline(this.#clock.monotonicMs(), deadlineMs)
  }

  /** R7: some member might not know the command. Once all know what this program does there is nothing to look at. */
  #isAhead(command: Command): boolean {
    const { engine, engineLevelMax } = this.#options
    return engine.engineLevel < engineLevelMax && levelOf(command) > engine.engineLevel
  }

  #refusedForSpace(command: Command): 'NODE_DISK_FULL' | 'DISK_FULL' | null {
    if (this.space.state === 'full') return 'NODE_DISK_FULL'
    return this.#options.engine.growthRefused && command.spec.flags.includes('denyoom') ? 'DISK_FULL' : null
  }

  #tick(ticks: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#guardStall()
    this.replica.tick(ticks, () => {
      this.membership.tick(nowMs)
      this.expirer.tick(nowMs)
      this.space.tick(nowMs)
      this.#judgeSpace()
      this.#watchClocks(nowMs)
      this.#reclaim(nowMs)
    })
  }

  #guardStall(): void {
    const { log, timing } = this.#options
    const status = log.status()
    const nowMs = this.#clock.monotonicMs()
    const ranMs = this.replica.clients.ranMs(nowMs)
    const stall = this.#stallGuard.judge(status, timing.electionMs, nowMs, ranMs)
    if (stall === 'dead') return this.#options.onDead()
    const stalled = stall === 'stalled'
    if (stalled === this.#unfit.has('stalled')) return
    const { core } = this.replica
    this.#logger.warn(
      stalled ? 'The log disk does not answer: withholding heartbeats' : 'The log disk answers again',
      {
        role: core.role,
        syncAgeMs: Math.round(status.syncAgeMs),
      },
    )
    core.setHeartbeatsWithheld(stalled)
    this.#setUnfit('stalled', stalled)
    if (stalled) this.#handOver()
  }

  #setUnfit(reason: 'stalled' | 'leaving' | 'clock', unfit: boolean): void {
    if (unfit) this.#unfit.add(reason)
    else this.#unfit.delete(reason)
    this.replica.core.setPromotable(this.#unfit.size === 0)
  }

  #handOver(): void {
    const { core } = this.replica
    const successor = core.role === 'leader' ? this.membership.bestSuccessor() : null
    if (successor !== null) core.transferLeadership(successor)
  }

  /** R12: warns of clocks that disagree; the odd one of three or more does not lead. */
  #watchClocks(nowMs: number): void {
    if (nowMs < this.#nextClockMs) return
    this.#nextClockMs = nowMs + CLOCK_INTERVAL_MS
    const verdict = judgeClocks(this.#options.transport.traffic().map((peer) => peer.clockOffsetMs))
    if (verdict.alarm) this.#logger.warn('Clocks of nodes disagree', { skewMs: Math.round(verdict.skewMs) })
    if (verdict.odd !== this.#unfit.has('clock')) this.#setUnfit('clock', verdict.odd)
    // Each time: right after a quorum check no successor seems to be there.
    if (verdict.odd) this.#handOver()
  }

  /** R6: while space is short, deletions are brought to the tables and merged away. */
  #reclaim(nowMs: number): void {
    if (this.space.state === 'ok' || nowMs < this.#nextReclaimMs) return
    this.#nextReclaimMs = nowMs + RECLAIM_INTERVAL_MS
    this.replica.sealEarly()
  }

  #onSpace(state: SpaceState, freeBytes: number): void {
    this.#options.store.reclaim(state !== 'ok')
    this.#logger.warn(`Disk space is ${state}`, { freeBytes, lowSpaceBytes: this.#options.lowSpaceBytes })
    if (!this.leaving) this.replica.core.setSpace(SPACE_STATES.indexOf(state))
  }

  /** As a voter last told this leader; one that is leaving may have room. */
  readonly #hasRoom = (peer: PeerId): boolean => {
    if (peer === this.#options.self.peerId) return this.space.state === 'ok'
    const space = this.replica.core.spaceOf(peer)
    return space !== LOW && space !== FULL
  }

  /** R6 on the leader: growth is refused while fewer than a majority of voters have room. */
  #judgeSpace(): void {
    const { replica } = this
    if (!replica.leading || this.#isSpaceProposed) return
    const roomy = replica.configuration.hasMajority(this.#hasRoom)
    if (this.#options.engine.growthRefused === !roomy) return
    this.#isSpaceProposed = true
    this.#submitOwn(this.#options.engine.growthCommand(!roomy), () => {
      this.#isSpaceProposed = false
    })
  }

  #changed(): void {
    this.#ticker.wake()
    this.#peersChanged()
  }

  #peersChanged(): void {
    // The replica reports its first configuration before this object is complete.
    if (this.membership === undefined) return
    const { self } = this.#options
    const peers = this.replica.configuration.members
      .filter((member) => member.peerId !== self.peerId)
      .map((member) => ({ name: member.name, address: member.peerAddress }))
    const joining = this.membership.joining()
    if (joining !== null && !peers.some((peer) => peer.address === joining.address)) peers.push(joining)
    this.#options.onPeers(peers, this.replica.configuration.members)
  }
}
