/**
 * What a leader does for all nodes: proposes their commands, confirms their reads, opens their sessions, sends them
 * snapshots and news of the commit index. Inert while another node leads.
 */

import type { Engine } from '../../engine/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { PeerId } from '../../protocol/members.ts'
import type { RaftCore } from '../../raft/core.ts'
import type { Log } from '../../storage/log/types.ts'
import type { Store } from '../../storage/store/types.ts'
import type { SnapshotReply } from '../durable/snapshot-frames.ts'
import type { ForwardHeader, ReadRequest, ReadResponse, RefuseReason } from '../frames.ts'
import type { Configuration } from '../members/configuration.ts'
import { CommitNews } from './commit-news.ts'
import { EngineLevels } from './engine-levels.ts'
import { LogClock } from './log-clock.ts'
import { Proposer } from './proposer.ts'
import { ReadRounds } from './read-rounds.ts'
import { Reign } from './reign.ts'
import { SnapshotSender } from './snapshot-sender.ts'

/** How the leader side answers nodes, this one included. */
export interface OriginLink {
  refuse(origin: PeerId, header: ForwardHeader, reason: RefuseReason): void
  respond(origin: PeerId, response: ReadResponse): void
  snapshot(to: PeerId, reply: SnapshotReply, bytes?: Buffer): unknown
}

export interface LeaderSideOptions {
  readonly group: number
  readonly self: PeerId
  readonly clock: Clock
  readonly core: RaftCore
  readonly log: Log
  readonly store: Store
  readonly engine: Engine
  readonly configuration: Configuration
  readonly link: OriginLink
  /** R7: what this program executes, and what that of a connected peer does. */
  readonly levelMax: number
  readonly levelOf: (peer: PeerId) => number | null
  /** The core has something to do. */
  readonly schedule: () => void
  readonly pump: () => void
}

export class LeaderSide {
  readonly logClock: LogClock
  readonly reign: Reign
  readonly proposer: Proposer
  readonly rounds: ReadRounds
  readonly sender: SnapshotSender
  readonly commitNews: CommitNews
  readonly levels: EngineLevels

  constructor(options: LeaderSideOptions) {
    const { group, self, clock, core, log, store, engine, configuration, link, schedule } = options
    this.logClock = new LogClock(clock)
    const { logClock } = this
    this.reign = new Reign({
      group,
      core,
      engine,
      configuration,
      logClock,
      began: () => {
        this.levels.consider()
        this.rounds.began()
      },
      changed: schedule,
    })
    this.levels = new EngineLevels({
      self,
      levelMax: options.levelMax,
      configuration,
      reign: this.reign,
      confPending: () => core.status().confPending,
      levelOf: options.levelOf,
    })
    this.proposer = new Proposer({
      group,
      self,
      target: core,
      logBusy: () => log.busy,
      stampMs: () => logClock.nowMs(),
      isLeader: () => core.role === 'leader',
      refuse: (origin, header, reason) => link.refuse(origin, header, reason),
    })
    this.rounds = new ReadRounds({
      readIndex: () => (this.reign.leading ? core.readIndex() : null),
      isElected: () => core.role === 'leader',
      stampMs: () => logClock.nowMs(),
      tick: (stampMs) => this.reign.proposeTick(stampMs),
      respond: (to, response) => {
        link.respond(to, response)
        if (to !== self) this.commitNews.hurry()
      },
    })
    this.sender = new SnapshotSender({
      store,
      reply: (to, reply, bytes) => link.snapshot(to, reply, bytes),
      finished: (to, ok) => {
        core.reportSnapshot(to, ok)
        schedule()
      },
    })
    this.commitNews = new CommitNews({ clock, core, proposer: this.proposer, pump: options.pump })
  }

  /** Leadership began, ended, or passed through another term: nothing queued or waiting survives. */
  restart(firstIndex: number, appliedIndex: number): void {
    this.proposer.clear()
    this.rounds.clear()
    this.sender.drop(null)
    this.reign.restart(firstIndex, appliedIndex)
  }

  /** False when this node does not lead. */
  readRequested(origin: PeerId, request: ReadRequest): boolean {
    return this.rounds.request(origin, request)
  }

  /** Cuts entries if it may (R1); the milliseconds after which to call again, or 0. */
  cut(nowMs: number): number {
    return this.reign.leading ? this.proposer.cut(nowMs) : 0
  }

  forgetPeer(peer: PeerId): void {
    this.proposer.forgetOrigin(peer)
    this.sender.drop(peer)
  }
}
