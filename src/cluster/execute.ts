/**
 * The internal call that every door ends in, and what doors may ask about the node. Frozen: a door knows nothing else
 * of the cluster.
 */

import type { Effects } from '../engine/effects.ts'
import type { SettingName } from '../engine/settings.ts'
import type { Histogram } from '../lib/histogram.ts'
import type { Command, CommandSpec } from '../protocol/commands.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { Member } from '../protocol/members.ts'
import type { ConfState, Role } from '../raft/types.ts'
import type { SnapshotDone, SnapshotOptions } from './clients/listing.ts'
import type { Watch, WatchOptions } from './watches/watch.ts'

/**
 * linearizable: as if there were one copy. leader: the leader's state, unconfirmed. stale: this node's applied state.
 */
export type Consistency = 'linearizable' | 'leader' | 'stale'

export interface Principal {
  readonly name: string
}

/**
 * One client connection (or one HTTP request) as the cluster sees it: commands of one session take effect in the
 * order of their execute() calls, pipelined or not.
 */
export interface Session {
  readonly id: number
  /** Set by the door when the client is gone: held commands that were not forwarded are dropped (R15). */
  closed: boolean
  /** Owned by the cluster: log index of this session's newest applied write, 0 when none (for WAIT). */
  lastWrite: number
}

export interface ExecuteOptions {
  readonly session: Session
  readonly consistency: Consistency
  /** Monotonic time at which the caller gives up; the hold limit (R15) applies as well. */
  readonly deadlineMs: number
  readonly principal: Principal
  /** Stale reads wait, until the deadline, for a state of at least this revision; else BEHIND. */
  readonly minRevision?: number
}

export interface Result {
  /** RESP3 bytes in the form of protocol/reply.ts; an error reply when `error` is set or the command itself failed. */
  readonly reply: Buffer
  /** Set when the cluster, not the command, refused or lost it. */
  readonly error: ErrorCode | null
}

/** Called exactly once, in a later turn or within execute() when the answer is at hand. */
export type ExecuteDone = (result: Result) => void

export interface PeerStatus {
  readonly member: Member
  readonly voter: boolean
  readonly learner: boolean
  /** A frame came from it within the last second. */
  readonly reachable: boolean
  /** Highest index known to be on its disk; known on the leader only, else 0. */
  readonly matchIndex: number
  /** Milliseconds since its last frame; Infinity when never. */
  readonly lastHeardMs: number
  /** Where it said clients find it, 'host:port', or '' when not known. */
  readonly redisAddress: string
  readonly httpAddress: string
}

export interface NodeStatus {
  readonly name: string
  readonly peerId: number
  readonly clusterId: string
  readonly bootId: string
  readonly version: string
  readonly role: Role | 'learner' | 'forming'
  readonly term: number
  /** Name of the leader, or '' while none is known. */
  readonly leader: string
  readonly leaderRedisAddress: string
  readonly leaderHttpAddress: string
  readonly redisAddress: string
  readonly httpAddress: string
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  readonly firstIndex: number
  readonly revision: number
  readonly confState: ConfState
  /** This node first. */
  readonly peers: readonly PeerStatus[]
  /** A majority of voters (this node included) was reachable within the last second. */
  readonly quorum: boolean
  readonly keyspace: readonly { database: number; keys: number; expires: number }[]
  /** 'ok', or why writes that grow data are refused. */
  readonly space: 'ok' | 'low' | 'full'
  /** Ready to serve its default consistency; else why not, for /readyz and logs. */
  readonly ready: boolean
  readonly reasons: readonly string[]
  /** What readiness is made of; `reasons` are the failures among them. */
  readonly checks: readonly HealthCheck[]
  readonly counters: Readonly<Record<string, number>>
}

/** Where this node stands, at the cost of nothing: for headers of replies. */
export interface Position {
  /** Of the applied state. */
  readonly revision: number
  readonly appliedIndex: number
  readonly term: number
  /** How long ago this node led, in milliseconds: 0 while it leads, Infinity when it never did. */
  readonly sinceLedMs: number
  /** Name of this node, and of the leader ('' while none is known). */
  readonly node: string
  readonly leader: string
}

/** One condition of readiness. */
export interface HealthCheck {
  /** One word, part of the HTTP interface. */
  readonly name: string
  /** Why it does not hold, or null. */
  readonly failure: string | null
}

/** What metrics show beside the status. Histograms are live: read them, and keep none. */
export interface Measurements {
  /** Of entries, in seconds by stage (docs/metrics.md): queued, synced, committed, applied, replied. */
  readonly stages: Readonly<Record<string, Histogram>>
  /** Seconds per write and sync of the log. */
  readonly logSync: Histogram
  readonly peers: readonly PeerMeasurement[]
  /** The largest offset of another node's wall clock from this one's, in milliseconds (R12). */
  readonly clockSkewMs: number
  readonly watches: WatchMeasurement
}

/** The watches of this node, and the ring of recent changes that they read. */
export interface WatchMeasurement {
  readonly open: number
  readonly historyBytes: number
  /** The revision from which on changes are kept. */
  readonly oldestRevision: number
}

/** Traffic with one other member since this process started; by its name. */
export interface PeerMeasurement {
  readonly name: string
  /** Smoothed round trip; NaN before the first. */
  readonly rttMs: number
  readonly connections: number
  readonly framesDropped: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Administration, proxied to the leader by the node that got it. `done` gets null, or why it failed. */
export type AdminRequest =
  | { readonly kind: 'addNode'; readonly name: string; readonly peerAddress: string }
  | { readonly kind: 'removeNode'; readonly name: string }
  /** The wiped or new node `name` takes over from the member of that name (another incarnation) or from `old`. */
  | {
      readonly kind: 'replaceNode'
      readonly old: string
      readonly name: string
      readonly peerAddress: string
    }
  | { readonly kind: 'transferLeader'; readonly to: string | null }

/** Called while entries are applied: it only takes note, never throws, and copies what it keeps. */
export interface EffectsListener {
  /** A command was applied here and did something; `author` is the session of this node that gave it, else null. */
  effects(effects: Effects, author: Session | null): void
  /** The whole state was replaced: effects between the old and the new one were never told. */
  reset(): void
}

export interface Executor {
  /** Reads and writes; local commands never get here. */
  execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void
  openSession(): Session
  closeSession(session: Session): void
  /** Every replica's effects of every command, in log order; the returned function ends it. */
  listen(listener: EffectsListener): () => void
  /** The classes of notices (engine/notice-classes.ts) that effects shall hold here; none at first. */
  wantNotices(classes: number): void
  /** The value that clients gave a replicated setting, as applied here; null when they never did. */
  setting(name: SettingName): string | null
  status(): NodeStatus
  position(): Position
  /** Pins the state that a read of these options would see. */
  openSnapshot(options: SnapshotOptions, done: SnapshotDone): void
  /** Null: limits.watchers are open already. `onReady` runs in a later turn, until the watch is closed. */
  watch(options: WatchOptions, onReady: () => void): Watch | null
  /** The lowest `after` that a watch at this node can serve. */
  readonly oldestWatchRevision: number
  measurements(): Measurements
  /** Every read and write command this node can execute, by lower-case name. */
  readonly commands: ReadonlyMap<string, CommandSpec>
  admin(request: AdminRequest, done: (error: string | null) => void): void
  /** Milliseconds that the engine worked on the command whose `done` runs; once, then 0. */
  takeExecutedMs(): number
  /** WAIT: how many other members hold everything this session wrote (every acknowledged write is on a majority). */
  replicasHolding(session: Session): number
  /** SHUTDOWN and SIGTERM: R17. `now` skips the transfer of leadership. */
  shutdown(now: boolean): void
}
