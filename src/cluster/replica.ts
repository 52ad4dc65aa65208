/**
 * One Raft group on this node: drives the pure core with ticks and messages and carries out what it asks for (send,
 * persist, apply, confirm reads, install), once per turn of the loop. The client side and the leader side own their
 * state; this file owns the order between them.
 *
 * A turn (drain): the client side forwards and asks, the leader side cuts entries; then every Ready: messages leave
 * before the disk write starts, so that the followers' disks work in parallel with ours (Raft thesis 10.2.1); then
 * apply.
 */

import type { Timer } from '../lib/clock.ts'
import { type Entry, EntryKind, entryPayload } from '../protocol/entry.ts'
import type { PeerId } from '../protocol/members.ts'
import { decodeConfChange } from '../raft/conf-change.ts'
import { RaftCore } from '../raft/core.ts'
import type { Message } from '../raft/messages.ts'
import type { LogGroup } from '../storage/log/types.ts'
import type { FrameType, PeerInfo } from '../transport/types.ts'
import { loadAppliedState, saveAppliedState, snapshotMetaOf } from './applied-state.ts'
import { Applier } from './applier.ts'
import { ClientSide } from './clients/client-side.ts'
import { Installer } from './durable/installer.ts'
import { LogRetention } from './durable/log-retention.ts'
import { Persister } from './durable/persister.ts'
import { type ReceivedSnapshot, SnapshotReceiver } from './durable/snapshot-receiver.ts'
import { ElectionLog } from './election-log.ts'
import { EntryStages } from './entry-stages.ts'
import { Reachability } from './guards/reachability.ts'
import { levelOf } from './leader/engine-levels.ts'
import { LeaderSide } from './leader/leader-side.ts'
import { Configuration } from './members/configuration.ts'
import { leaderLink, originLink, wireHandlers } from './replica-links.ts'
import type { ReplicaOptions } from './replica-options.ts'
import { decodeSessionEntry } from './session-entry.ts'
import { coreTicks } from './timing.ts'
import { Wire } from './wire.ts'

export class Replica {
  readonly core: RaftCore
  readonly configuration: Configuration
  readonly clients: ClientSide
  readonly leaderSide: LeaderSide
  readonly applier: Applier
  readonly receiver: SnapshotReceiver
  readonly elections: ElectionLog
  readonly stages = new EntryStages()
  readonly #options: ReplicaOptions
  readonly #log: LogGroup
  readonly #wire: Wire
  readonly #persister: Persister
  readonly #retention: LogRetention
  readonly #installer: Installer
  readonly #reachability: Reachability
  #scheduled = false
  #stopped = false
  #role = 'follower'
  #leader: PeerId = 0
  #term = 0
  #cutTimer: Timer | null = null

  constructor(options: ReplicaOptions) {
    this.#options = options
    this.#log = options.log.group(options.group)
    this.configuration = new Configuration(options.initial.confState, options.initial.members)
    this.#reachability = new Reachability({
      self: options.self.peerId,
      configuration: this.configuration,
      lastHeardMs: (peer) => options.transport.lastHeardMs(peer),
      silenceMs: options.timing.silenceMs,
    })
    loadAppliedState({ ...options, configuration: this.configuration })
    this.core = this.#makeCore()
    this.elections = new ElectionLog(
      options.logger,
      (peer) => this.configuration.member(peer)?.name ?? '',
      () => options.clock.monotonicMs(),
    )
    this.#wire = new Wire({
      group: options.group,
      self: options.self.peerId,
      transport: options.transport,
      logger: options.logger,
      handlers: wireHandlers(this, options.clock),
    })
    this.#persister = new Persister(this.#log, (number, lastIndex) => {
      if (this.#stopped) return
      this.stages.onSynced(lastIndex, options.clock.monotonicMs())
      this.core.persisted(number)
      this.schedule()
    })
    this.clients = this.#makeClientSide()
    this.leaderSide = this.#makeLeaderSide()
    this.#retention = this.#makeRetention()
    this.applier = this.#makeApplier()
    this.receiver = this.#makeReceiver()
    this.#installer = this.#makeInstaller()
    this.#connectStorage()
    this.#keepLevel()
  }

  /** True when this node leads and has applied the first entry of its term. */
  get leading(): boolean {
    return this.leaderSide.reign.leading
  }

  /** R15: a majority of voters was heard within the last second. */
  hasQuorum(): boolean {
    return this.#reachability.hasQuorum()
  }

  /** Asks for a drain at the end of this turn. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    this.#options.clock.defer(() => this.#drain())
  }

  /** R6: space is short; what was deleted shall leave the disk. */
  sealEarly(): void {
    if (this.applier.atBoundary && !this.#installer.busy) this.#retention.sealEarly()
  }

  /** `ticks` ticks of the core, the slow clocks of the parts and `others`; what they ask for is done in this turn. */
  tick(ticks: number, others: () => void): void {
    this.#scheduled = true
    const nowMs = this.#options.clock.monotonicMs()
    this.#reachability.tick(nowMs)
    for (let i = 0; i < ticks; i++) this.core.tick()
    this.clients.tick(nowMs)
    this.leaderSide.sender.tick(nowMs)
    this.leaderSide.levels.tick(nowMs)
    this.receiver.tick(nowMs, this.applier.index)
    others()
    this.#drain()
  }

  stop(): void {
    this.#stopped = true
    this.leaderSide.commitNews.stop()
    this.#cutTimer?.cancel()
    this.applier.stop()
    this.clients.stop()
  }

  onFrame(from: PeerInfo, type: FrameType, payload: Buffer): void {
    if (this.#stopped) return
    this.#wire.receive(from, type, payload)
    this.schedule()
  }

  /** A connection to `peer` stands again. */
  onPeer(peer: PeerId): void {
    this.clients.connectionRestored(peer)
    this.schedule()
  }

  /** Design 4, fast failover: the peer's control connection broke. */
  onControlLost(peer: PeerId): void {
    this.core.reportUnreachable(peer)
    if (peer === this.core.leader) {
      this.elections.connectionLost()
      this.core.forgetLeader()
    }
    this.schedule()
  }

  #drain(): void {
    this.#scheduled = false
    if (this.#stopped) return
    const nowMs = this.#options.clock.monotonicMs()
    this.stages.onTurn(nowMs)
    this.clients.flush(nowMs)
    this.#cut(nowMs)
    this.#pump(nowMs)
    this.#options.log.flush()
    this.leaderSide.commitNews.consider()
  }

  #cut(nowMs: number): void {
    const waitMs = this.leaderSide.cut(nowMs)
    if (waitMs === 0 || this.#cutTimer !== null) return
    this.#cutTimer = this.#options.clock.setTimer(waitMs, () => {
      this.#cutTimer = null
      this.schedule()
    })
  }

  #pump(nowMs: number): void {
    while (this.core.hasReady()) {
      const ready = this.core.takeReady()
      this.#noteRole()
      for (const message of ready.messages) this.#sendMessage(message)
      this.#persister.take(ready)
      const [first] = ready.entries
      if (first !== undefined) this.stages.onAppended(first.index, ready.entries.at(-1)?.index ?? 0, nowMs)
      this.stages.onCommitted(this.core.commitIndex, nowMs)
      for (const read of ready.reads) this.leaderSide.rounds.confirmed(read)
      const offer = ready.installSnapshot
      if (offer !== null) this.receiver.start(offer.from, offer.meta.index, nowMs)
      this.applier.advance(ready.applyTo)
    }
    this.#noteRole()
  }

  #noteRole(): void {
    const { core } = this
    if (core.role === this.#role && core.leader === this.#leader && core.term === this.#term) return
    const leads = core.role === 'leader'
    const sameReign = leads && this.#role === 'leader' && core.term === this.#term
    const leaderChanged = core.leader !== this.#leader || core.term !== this.#term
    this.elections.note(core)
    this.#role = core.role
    this.#leader = core.leader
    this.#term = core.term
    if (!sameReign) this.leaderSide.restart(leads ? core.lastIndex : 0, this.applier.index)
    if (leaderChanged) this.clients.setLeader(core.leader)
    this.#options.onChange()
    this.schedule()
  }

  #onApplied(index: number): void {
    this.stages.onApplied(index, this.#options.clock.monotonicMs())
    this.core.appliedTo(index)
    this.#retention.afterEntry()
    this.leaderSide.reign.applied(index)
    this.clients.applied(index)
    this.schedule()
  }

  #applyOther(entry: Entry): void {
    const { engine, self, bootId, onChange } = this.#options
    if (entry.kind === EntryKind.level) return this.#keepLevel()
    if (entry.kind === EntryKind.session) {
      const opened = decodeSessionEntry(entryPayload(entry))
      engine.openSession(entry.index, opened.peerId, opened.bootId)
      if (opened.peerId === self.peerId && opened.bootId === bootId) this.clients.adoptSession()
      return
    }
    const change = decodeConfChange(entryPayload(entry))
    const gone = this.configuration.applied(change, this.core.applyConfChange(change))
    for (const peer of gone) {
      engine.closeSessionsOf(peer)
      this.leaderSide.forgetPeer(peer)
    }
    onChange()
  }

  /** R7: the log's header says the engine level too, so that an older program does not even read it. */
  #keepLevel(): void {
    const { engine, log, logger } = this.#options
    if (engine.engineLevel <= log.engineLevel) return
    logger.info('The engine level of the cluster is raised', { engineLevel: engine.engineLevel })
    log.raiseEngineLevel(engine.engineLevel)
  }

  // Snapshots.

  #onReceived(snapshot: ReceivedSnapshot): void {
    if (snapshot.index > this.applier.index) return this.#installer.install(snapshot)
    this.receiver.finished(true)
    this.core.snapshotAbandoned()
  }

  #onInstalled(snapshot: ReceivedSnapshot): void {
    this.receiver.finished(true)
    this.#keepLevel()
    this.#options.effects.reset()
    this.clients.adoptSession()
    this.clients.resolveFromTable(snapshot.index, this.#options.clock.monotonicMs())
    this.clients.applied(snapshot.index)
    this.#options.onChange()
    this.#options.logger.info('Installed a snapshot', { index: snapshot.index, term: snapshot.term })
    this.schedule()
  }

  #sendMessage(message: Message): void {
    this.leaderSide.commitNews.sent(message)
    if (!this.#wire.message(message)) this.core.reportUnreachable(message.to)
  }

  // Making of the parts.

  #makeCore(): RaftCore {
    const { group, self, random, log, store, timing } = this.#options
    return new RaftCore({
      group,
      peerId: self.peerId,
      log: this.#log,
      random: random.fork('raft'),
      hardState: log.recovered(group).hardState,
      confState: this.configuration.confState,
      appliedIndex: store.manifestIndex,
      ...coreTicks(timing),
    })
  }

  #makeClientSide(): ClientSide {
    const { self, clock, timing } = this.#options
    return new ClientSide({
      ...this.#options,
      self: self.peerId,
      link: leaderLink(this, this.#wire, this.#options),
      hasQuorum: () => this.hasQuorum(),
      nowMs: clock.monotonicMs(),
      holdMs: timing.holdMs,
      schedule: () => this.schedule(),
    })
  }

  #makeLeaderSide(): LeaderSide {
    const { group, self, clock, log, store, engine, engineLevelMax: levelMax, transport } = this.#options
    const { core, configuration } = this
    return new LeaderSide({
      group,
      self: self.peerId,
      clock,
      core,
      log,
      store,
      engine,
      configuration,
      link: originLink(this, this.#wire, this.#options),
      levelMax,
      levelOf: (peer) => levelOf(transport, peer),
      schedule: () => this.schedule(),
      pump: () => this.#pump(clock.monotonicMs()),
    })
  }

  #makeRetention(): LogRetention {
    const { group, log, store, engine, trailingLogBytes } = this.#options
    return new LogRetention({
      group,
      log,
      store,
      trailingBytes: trailingLogBytes,
      lowestTransferIndex: () => this.leaderSide.sender.lowestIndex(),
      meta: () => saveAppliedState({ engine, configuration: this.configuration }),
    })
  }

  #makeApplier(): Applier {
    const { clock, engine, effects, store, onFatal } = this.#options
    const { origin, runner } = this.clients
    const applier = new Applier({
      clock,
      engine,
      store,
      log: this.#log,
      ownSession: () => origin.session,
      effects,
      authorOf: (sequence) => origin.authorOf(sequence),
      readsBefore: (sequence) => origin.readsBefore(sequence),
      serveRead: (read, resume) => runner.serveNow(read, resume),
      resolve: (sequence, reply, index) => {
        this.stages.onReply()
        origin.resolve(sequence, reply, index, this.clients.ranMs(clock.monotonicMs()))
      },
      applyOther: (entry) => this.#applyOther(entry),
      onApplied: (index) => this.#onApplied(index),
      mustWait: () => this.#installer.busy || this.#retention.mustWait(),
      onFatal,
    })
    applier.reset(store.manifestIndex)
    return applier
  }

  #makeReceiver(): SnapshotReceiver {
    return new SnapshotReceiver({
      store: this.#options.store,
      request: (to, request) => this.#wire.snapshotRequest(to, request),
      leader: () => this.core.leader,
      complete: (snapshot) => this.#onReceived(snapshot),
      abandoned: () => this.core.snapshotAbandoned(),
      log: (message, fields) => this.#options.logger.info(message, fields),
    })
  }

  #makeInstaller(): Installer {
    const { group, log, store, engine, onFatal } = this.#options
    const { core, applier, configuration } = this
    const installed = (snapshot: ReceivedSnapshot): void => this.#onInstalled(snapshot)
    return new Installer({ group, core, log, store, engine, applier, configuration, onFatal, installed })
  }

  #connectStorage(): void {
    const { store } = this.#options
    this.#log.setSnapshotProvider(() => snapshotMetaOf(store))
    this.#log.onFetched(() => {
      this.core.entriesFetched()
      this.schedule()
    })
    store.onManifest((index) => {
      this.#retention.compact(index)
      this.core.snapshotReady()
      this.applier.resume()
      this.schedule()
    })
  }
}
