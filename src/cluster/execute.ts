/**
 * The internal call that every door ends in, and what doors may ask about the node. Frozen: a door knows nothing else
 * of the cluster.
 */
import type { Command, CommandSpec } from '../protocol/commands.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { Member } from '../protocol/members.ts'
import type { ConfState, Role } from '../raft/types.ts'

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
  readonly counters: Readonly<Record<string, number>>
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

export interface Executor {
  /** Reads and writes; local commands never get here. */
  execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void
  openSession(): Session
  closeSession(session: Session): void
  status(): NodeStatus
  /** Every read and write command this node can execute, by lower-case name. */
  readonly commands: ReadonlyMap<string, CommandSpec>
  admin(request: AdminRequest, done: (error: string | null) => void): void
  /** WAIT: how many other members hold everything this session wrote (every acknowledged write is on a majority). */
  replicasHolding(session: Session): number
  /** SHUTDOWN and SIGTERM: R17. `now` skips the transfer of leadership. */
  shutdown(now: boolean): void
}
