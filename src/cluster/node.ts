/**
 * A node: takes part in formation (R8) over its opened storage and transport, and then runs its replica.
 * Implements the internal call for the doors from the first moment on: before the node is formed it refuses with the
 * reason.
 */
import { commandTable } from '../engine/command-table.ts'
import { KvEngine } from '../engine/engine.ts'
import { ENGINE_LEVEL } from '../engine/level.ts'
import type { SettingName } from '../engine/settings.ts'
import type { Command } from '../protocol/commands.ts'
import type { Member } from '../protocol/members.ts'
import { errorCodeReply } from '../protocol/reply.ts'
import { EMPTY_CONF } from '../raft/membership.ts'
import type { Connection } from '../transport/network.ts'
import { FrameType, type PeerInfo, type Transport } from '../transport/types.ts'
import { refusalOf } from './admission.ts'
import type { SnapshotDone, SnapshotOptions } from './clients/listing.ts'
import { Listings } from './clients/listings.ts'
import type { ClientSession } from './clients/pending.ts'
import { EffectsHub } from './effects-hub.ts'
import type {
  AdminRequest,
  EffectsListener,
  ExecuteDone,
  ExecuteOptions,
  Executor,
  Measurements,
  NodeStatus,
  Position,
  Session,
} from './execute.ts'
import type { FormationResult } from './formation/formation.ts'
import { directoryOf } from './formation/formation-directory.ts'
import { FormationDriver } from './formation/formation-driver.ts'
import type { FormationRecord } from './formation/formation-record.ts'
import { compareClusterFlag } from './formation/formation-status.ts'
import { decodeInvitation, encodeInvitation } from './formation/invitation.ts'
import { measurements } from './measurements.ts'
import { AdminDesk } from './members/admin-desk.ts'
import { helloOf, lowSpaceBytes } from './node-defaults.ts'
import type { NodeOptions } from './node-options.ts'
import { formingStatus, type NodeIdentity, nodeStatus, positionOf } from './node-status.ts'
import type { NodeStorage } from './node-storage.ts'
import { openReplicaHost, type ReplicaHost, type ReplicaHostOptions } from './replica-host.ts'
import type { Watch, WatchOptions } from './watches/watch.ts'
import { WatchHistory } from './watches/watch-history.ts'
import { WatchHub } from './watches/watch-hub.ts'

const GROUP = 0

export interface NodeParts {
  readonly self: Member
  readonly bootId: string
  readonly record: FormationRecord | null
}

export class Node implements Executor {
  readonly commands = commandTable
  readonly #options: NodeOptions
  readonly #storage: NodeStorage
  readonly #engine: KvEngine
  readonly #effects: EffectsHub
  readonly #watches: WatchHub
  readonly #listings: Listings
  readonly #transport: Transport
  readonly #parts: NodeParts
  readonly #formation: FormationDriver
  readonly #adminDesk: AdminDesk
  #formed: FormationResult | null = null
  #host: ReplicaHost | null = null
  #redisAddress: string
  #httpAddress: string
  #nextSession = 1
  #stopped = false

  /** Made by openNode() (open-node.ts). */
  constructor(options: NodeOptions, storage: NodeStorage, transport: Transport, parts: NodeParts) {
    const { settings, seams, logger } = options
    this.#options = options
    this.#storage = storage
    this.#transport = transport
    this.#parts = parts
    this.#redisAddress = settings.redisAddress
    this.#httpAddress = settings.httpAddress
    this.#engine = new KvEngine(storage.store, () => seams.clock.monotonicMs(), settings.engineLevel)
    this.#effects = new EffectsHub(this.#engine)
    this.#watches = new WatchHub({
      clock: seams.clock,
      history: new WatchHistory(settings.watchHistoryBytes),
      revision: () => this.#engine.revision,
    })
    this.#effects.listen(this.#watches)
    this.#listings = new Listings({
      engine: this.#engine,
      store: storage.store,
      execute: (command, options, done) => this.execute(command, options, done),
      atBoundary: (deadlineMs, done) => this.#host?.atBoundary(deadlineMs, done),
    })
    this.#formation = new FormationDriver({
      self: parts.self,
      listed: settings.cluster.filter((node) => node.name !== ''),
      directory: directoryOf(parts.self, settings.cluster),
      record: parts.record,
      disk: seams.disk,
      dataFolder: settings.folder,
      clock: seams.clock,
      transport,
      logger,
      onFormed: (result) => this.#onFormed(result),
    })
    this.#adminDesk = new AdminDesk({
      clock: seams.clock,
      self: parts.self.peerId,
      leader: () => this.#host?.replica.core.leader ?? 0,
      send: (to, payload) => transport.send(to, 'control', FrameType.admin, GROUP, [payload]),
      reply: (to, payload) => transport.send(to, 'control', FrameType.adminReply, GROUP, [payload]),
      perform: (request, done) => this.#host?.admin(request, done),
    })
  }

  start(): void {
    this.#formation.start()
  }

  /** The replica once the node is formed; for the server's shutdown and for checkers. */
  get host(): ReplicaHost | null {
    return this.#host
  }

  /** The applied state; for checkers. */
  get engine(): KvEngine {
    return this.#engine
  }

  /** Log, store and folder; for checkers. */
  get storage(): NodeStorage {
    return this.#storage
  }

  get peerPort(): number {
    return this.#transport.port
  }

  /** The doors are open: where clients reach them. */
  setAddresses(redisAddress: string, httpAddress: string): void {
    this.#redisAddress = redisAddress
    this.#httpAddress = httpAddress
    this.#announce()
  }

  execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void {
    if (this.#host !== null && !this.#stopped) return this.#host.execute(command, options, done)
    done({ reply: errorCodeReply('NOT_READY', this.status().reasons[0]), error: 'NOT_READY' })
  }

  openSession(): Session {
    const session: ClientSession = {
      id: this.#nextSession++,
      closed: false,
      lastWrite: 0,
      newestWrite: null,
      reads: [],
    }
    return session
  }

  closeSession(session: Session): void {
    session.closed = true
  }

  listen(listener: EffectsListener): () => void {
    return this.#effects.listen(listener)
  }

  wantNotices(classes: number): void {
    this.#engine.wantNotices(classes)
  }

  setting(name: SettingName): string | null {
    return this.#engine.setting(name)
  }

  status(): NodeStatus {
    const identity = this.#identity()
    const host = this.#host
    if (host === null) return formingStatus(identity, this.#formation.status().reasons)
    const { log, store } = this.#storage
    const nowMs = this.#options.seams.clock.monotonicMs()
    const { replica, space, leaving } = host
    const transport = this.#transport
    return nodeStatus({
      identity,
      replica,
      engine: this.#engine,
      log,
      store,
      space,
      transport,
      timing: this.#options.settings.timing,
      nowMs,
      leaving,
    })
  }

  position(): Position {
    return positionOf(this.#parts.self.name, this.#engine, this.#host?.replica ?? null)
  }

  openSnapshot(options: SnapshotOptions, done: SnapshotDone): void {
    this.#listings.open(options, done)
  }

  watch(options: WatchOptions, onReady: () => void): Watch | null {
    return this.#watches.open(options, onReady)
  }

  get oldestWatchRevision(): number {
    return this.#watches.history.oldestRevision
  }

  measurements(): Measurements {
    return measurements(this.#storage.log, this.#transport, this.#watches, this.#host?.replica ?? null)
  }

  takeExecutedMs(): number {
    return this.#engine.takeExecutedMs()
  }

  admin(request: AdminRequest, done: (error: string | null) => void): void {
    if (this.#host === null) return done('this node is not a member of a cluster yet')
    this.#adminDesk.request(request, done)
  }

  replicasHolding(session: Session): number {
    return this.#host?.replicasHolding(session.lastWrite) ?? 0
  }

  shutdown(now: boolean): void {
    this.#options.onShutdown(now)
  }

  /** R17, first step: leadership goes to another node if one can take it within `waitMs`. */
  leave(waitMs: number, done: () => void): void {
    if (this.#host === null) return done()
    this.#host.leave(waitMs, done)
  }

  /** R17, last step: answers what is left, closes every connection and file. */
  close(done: () => void): void {
    this.#stopped = true
    this.#formation.stop()
    this.#host?.stop()
    this.#transport.close(() => this.#storage.close(done))
  }

  /** R4's last resort: other nodes see this one gone. */
  closeSockets(): void {
    this.#transport.close(() => {})
  }

  /** A connection of another node that came through another door. */
  acceptPeer(connection: Connection): void {
    this.#transport.accept(connection)
  }

  /** Why a peer is refused, or null. */
  admit(peer: PeerInfo): string | null {
    const host = this.#host
    return host === null ? null : refusalOf(peer, host.replica.configuration, this.#engine.engineLevel)
  }

  onFrame(from: PeerInfo, type: FrameType, group: number, payload: Buffer): void {
    if (this.#stopped) return
    switch (type) {
      case FrameType.formation:
        return this.#formation.receive(from, payload)
      case FrameType.invite:
        return this.#onInvitation(payload)
      case FrameType.admin:
        return this.#adminDesk.onRequest(from.peerId, payload)
      case FrameType.adminReply:
        return this.#adminDesk.onReply(payload)
      default:
        if (group === GROUP) this.#host?.replica.onFrame(from, type, payload)
    }
  }

  onPeer(peer: PeerInfo): void {
    this.#formation.peerSeen()
    this.#host?.replica.onPeer(peer.peerId)
  }

  onControlLost(peer: number): void {
    this.#host?.replica.onControlLost(peer)
    this.#adminDesk.connectionLost(peer)
  }

  #onInvitation(payload: Buffer): void {
    const invitation = decodeInvitation(payload)
    if (invitation === null || !this.#formation.join(invitation.clusterId, invitation.founders)) {
      this.#options.logger.warn('Refused an invitation to a cluster', { clusterId: invitation?.clusterId })
    }
  }

  #onFormed(result: FormationResult): void {
    if (this.#stopped || this.#host !== null) return
    const { logger } = this.#options
    this.#formed = result
    logger.info('The cluster is formed', {
      clusterId: result.clusterId,
      founders: result.members.map((member) => member.name).join(','),
    })
    this.#announce()
    this.#host = openReplicaHost(this.#hostOptions(result))
    if (this.#host === null) return
    this.#effects.reset()
    this.#checkList(this.#host)
  }

  #hostOptions(result: FormationResult): ReplicaHostOptions {
    const { seams, settings, logger, onFatal, onDead } = this.#options
    const { self, bootId } = this.#parts
    const confState = { ...EMPTY_CONF, voters: result.members.map((member) => member.peerId) }
    return {
      group: GROUP,
      self,
      bootId,
      clock: seams.clock,
      random: seams.random.fork('replica'),
      log: this.#storage.log,
      store: this.#storage.store,
      engine: this.#engine,
      effects: this.#effects,
      transport: this.#transport,
      logger,
      initial: { confState, members: result.members },
      trailingLogBytes: settings.trailingLogBytes,
      timing: settings.timing,
      engineLevelMax: settings.engineLevel ?? ENGINE_LEVEL,
      clusterId: result.clusterId,
      disk: seams.disk,
      folder: settings.folder,
      lowSpaceBytes: settings.lowSpaceBytes > 0 ? settings.lowSpaceBytes : lowSpaceBytes(settings),
      onFatal,
      onDead,
      onPeers: (peers, members) => {
        this.#transport.setPeers(peers)
        this.#formation.setMembers(members)
      },
      invite: (peer) => {
        const payload = encodeInvitation({ clusterId: result.clusterId, founders: result.members })
        this.#transport.send(peer, 'control', FrameType.invite, GROUP, [payload])
      },
    }
  }

  /**
   * R8: another --cluster list than the committed configuration is worth a warning; some are a mistake that must not
   * go on.
   */
  #checkList(host: ReplicaHost): void {
    const { settings, logger, onFatal } = this.#options
    if (this.#storage.store.manifestIndex === 0 && host.replica.core.commitIndex === 0) return
    const { warnings, refusal } = compareClusterFlag(
      settings.cluster,
      host.replica.configuration.members,
      this.#parts.self,
    )
    for (const warning of warnings) logger.warn(warning)
    if (refusal === null) return
    // A node that joined later may stand before the entry that made it a member: only a founder was one from the start.
    const { peerId } = this.#parts.self
    const isFounder = this.#formed?.members.some((member) => member.peerId === peerId) === true
    if (isFounder || host.replica.configuration.contains(peerId)) onFatal(new Error(refusal))
    else logger.warn(refusal)
  }

  #identity(): NodeIdentity {
    const { self, bootId } = this.#parts
    return {
      self,
      bootId,
      clusterId: this.#formed?.clusterId ?? '',
      version: this.#options.version,
      redisAddress: this.#redisAddress,
      httpAddress: this.#httpAddress,
    }
  }

  #announce(): void {
    const { self, bootId } = this.#parts
    const settings = {
      ...this.#options.settings,
      redisAddress: this.#redisAddress,
      httpAddress: this.#httpAddress,
    }
    this.#transport.setHello(helloOf(self, bootId, this.#formed?.clusterId ?? '', settings))
  }
}
