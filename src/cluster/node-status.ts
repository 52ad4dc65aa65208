/** Builds the NodeStatus that doors, CLI and readiness probes see from the parts of a running node. */
import type { Engine } from '../engine/types.ts'
import type { Member, PeerId } from '../protocol/members.ts'
import { EMPTY_CONF } from '../raft/membership.ts'
import type { Log } from '../storage/log/types.ts'
import type { Store } from '../storage/store/types.ts'
import type { PeerInfo, Transport } from '../transport/types.ts'
import type { HealthCheck, NodeStatus, PeerStatus, Position } from './execute.ts'
import type { SpaceWatch } from './guards/space.ts'
import { judgeStall } from './guards/stall-guard.ts'
import type { Replica } from './replica.ts'
import type { Timing } from './timing.ts'

/** A follower that lacks more than this many committed entries is not ready. */
const READY_LAG = 10_000

/** What is known of a node before it has a replica. */
export interface NodeIdentity {
  readonly self: Member
  readonly clusterId: string
  readonly bootId: string
  readonly version: string
  readonly redisAddress: string
  readonly httpAddress: string
}

export interface StatusSources {
  readonly identity: NodeIdentity
  readonly replica: Replica
  readonly engine: Engine
  readonly log: Log
  readonly store: Store
  readonly space: SpaceWatch
  readonly transport: Transport
  readonly timing: Timing
  readonly nowMs: number
  readonly leaving: boolean
}

/** The status of a node that waits to be formed or to be made a member; `reasons` say for what. */
export function formingStatus(identity: NodeIdentity, reasons: readonly string[]): NodeStatus {
  const { self } = identity
  return {
    ...identityFields(identity),
    role: 'forming',
    term: 0,
    leader: '',
    leaderRedisAddress: '',
    leaderHttpAddress: '',
    commitIndex: 0,
    appliedIndex: 0,
    lastIndex: 0,
    firstIndex: 0,
    revision: 0,
    confState: EMPTY_CONF,
    peers: [selfPeer(identity, self, { voter: false, learner: false, matchIndex: 0 })],
    quorum: false,
    keyspace: [],
    space: 'ok',
    ready: false,
    reasons,
    checks: [{ name: 'formation', failure: reasons.join('; ') || 'the cluster is not formed yet' }],
    counters: {},
  }
}

/** `replica` null = the node is not formed yet. */
export function positionOf(node: string, engine: Engine, replica: Replica | null): Position {
  return {
    revision: engine.revision,
    appliedIndex: replica?.applier.index ?? 0,
    term: replica?.core.term ?? 0,
    node,
    leader: replica === null ? '' : (replica.configuration.member(replica.core.leader)?.name ?? ''),
    sinceLedMs: replica?.elections.sinceLedMs ?? Infinity,
  }
}

export function nodeStatus(sources: StatusSources): NodeStatus {
  const { identity, replica, engine, transport, space } = sources
  const { core, configuration, applier } = replica
  const infos = new Map(transport.peers().map(({ info }) => [info.peerId, info]))
  const leader = configuration.member(core.leader)
  const isSelf = core.leader === identity.self.peerId
  const checks = healthChecks(sources)
  const reasons = checks.flatMap(({ failure }) => (failure === null ? [] : [failure]))
  return {
    ...identityFields(identity),
    role: configuration.isLearner(identity.self.peerId) ? 'learner' : core.role,
    term: core.term,
    leader: leader?.name ?? '',
    leaderRedisAddress: isSelf ? identity.redisAddress : (infos.get(core.leader)?.redisAddress ?? ''),
    leaderHttpAddress: isSelf ? identity.httpAddress : (infos.get(core.leader)?.httpAddress ?? ''),
    commitIndex: core.commitIndex,
    appliedIndex: applier.index,
    lastIndex: core.lastIndex,
    firstIndex: sources.log.group(0).firstIndex(),
    revision: engine.revision,
    confState: configuration.confState,
    peers: peerStatuses(sources, infos),
    quorum: replica.hasQuorum(),
    keyspace: engine.keyspace(),
    space: space.state,
    ready: reasons.length === 0,
    reasons,
    checks,
    counters: counters(sources),
  }
}

function healthChecks(sources: StatusSources): HealthCheck[] {
  const { replica, identity, log, leaving } = sources
  const { core, configuration, applier } = replica
  const lag = core.commitIndex - applier.index
  const stall = judgeStall(log.status(), sources.timing.electionMs)
  return [
    check('node', leaving, 'this node is shutting down'),
    check(
      'member',
      !configuration.contains(identity.self.peerId),
      'this node is not a member of the cluster',
    ),
    check('leader', core.leader === 0, 'no leader is known'),
    check('quorum', !replica.hasQuorum(), 'no majority of the voters is reachable'),
    check('term', core.role === 'leader' && !replica.leading, 'the leader has not committed in its term yet'),
    check('session', replica.clients.origin.session === 0, 'no session is open yet'),
    check('applied', lag > READY_LAG, `this node lacks ${lag} committed entries`),
    check('log', stall !== 'none', 'the disk of the log does not answer'),
  ]
}

function check(name: string, fails: boolean, failure: string): HealthCheck {
  return { name, failure: fails ? failure : null }
}

function peerStatuses(sources: StatusSources, infos: ReadonlyMap<PeerId, PeerInfo>): PeerStatus[] {
  const { identity, replica, transport, nowMs } = sources
  const { core, configuration } = replica
  const matches = new Map(core.status().progress.map((progress) => [progress.peer, progress.match]))
  const roles = (peer: PeerId) => ({
    voter: configuration.isVoter(peer),
    learner: configuration.isLearner(peer),
    matchIndex: core.role === 'leader' ? (matches.get(peer) ?? 0) : 0,
  })
  // The cluster may know this node under another address than it was told itself.
  const self = configuration.member(identity.self.peerId) ?? identity.self
  const own = selfPeer(identity, self, roles(self.peerId))
  const others = configuration.members
    .filter((member) => member.peerId !== identity.self.peerId)
    .map((member) => {
      const lastHeardMs = nowMs - transport.lastHeardMs(member.peerId)
      return {
        member,
        ...roles(member.peerId),
        reachable: lastHeardMs <= sources.timing.silenceMs,
        lastHeardMs,
        redisAddress: infos.get(member.peerId)?.redisAddress ?? '',
        httpAddress: infos.get(member.peerId)?.httpAddress ?? '',
      }
    })
  return [own, ...others]
}

function selfPeer(
  identity: NodeIdentity,
  member: Member,
  roles: { voter: boolean; learner: boolean; matchIndex: number },
): PeerStatus {
  const { redisAddress, httpAddress } = identity
  return { member, ...roles, reachable: true, lastHeardMs: 0, redisAddress, httpAddress }
}

function identityFields(identity: NodeIdentity) {
  const { self, clusterId, bootId, version, redisAddress, httpAddress } = identity
  return { name: self.name, peerId: self.peerId, clusterId, bootId, version, redisAddress, httpAddress }
}

function counters(sources: StatusSources): Record<string, number> {
  const { replica, engine, log, store } = sources
  const logStatus = log.status()
  const storeStatus = store.status()
  return {
    entries_proposed: replica.leaderSide.proposer.entriesCut,
    commands_proposed: replica.leaderSide.proposer.commandsCut,
    commands_applied: replica.applier.commandsApplied,
    apply_misses: replica.applier.misses,
    writes_resolved: replica.clients.origin.resolved,
    writes_held: replica.clients.origin.heldCount,
    writes_unresolved: replica.clients.origin.unresolvedCount,
    stream_restarts: replica.clients.origin.restarts,
    read_rounds: replica.clients.gate.rounds,
    reads_waiting: replica.clients.gate.waiting,
    apply_stalls: replica.applier.stalls,
    elections: replica.elections.elections,
    leader_changes: replica.elections.leaderChanges,
    sessions: engine.sessionCount,
    keyspace_hits: engine.tally.hits,
    keyspace_misses: engine.tally.misses,
    expired_keys: engine.tally.expiredKeys,
    snapshots_sent: replica.leaderSide.sender.sent,
    snapshots_received: replica.receiver.received,
    snapshot_bytes_sent: replica.leaderSide.sender.bytesSent,
    log_syncs: logStatus.syncs,
    log_bytes: logStatus.logBytes,
    log_bytes_written: logStatus.bytesWritten,
    log_segments: logStatus.segments,
    log_sync_age_ms: logStatus.syncAgeMs,
    memtable_bytes: storeStatus.memtableBytes,
    tables: storeStatus.tables,
    table_bytes: storeStatus.tableBytes,
    table_entries: storeStatus.tableEntries,
    cache_bytes: storeStatus.cacheBytes,
    cache_hits: storeStatus.cacheHits,
    cache_misses: storeStatus.cacheMisses,
    flushes: storeStatus.flushes,
    compactions: storeStatus.compactions,
    bytes_flushed: storeStatus.bytesFlushed,
    bytes_compacted: storeStatus.bytesCompacted,
    job_failures: storeStatus.jobFailures,
    disk_free_bytes: Math.min(sources.space.report.freeBytes, Number.MAX_SAFE_INTEGER),
  }
}
