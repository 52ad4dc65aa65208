/**
 * What the transport offers the node: typed frames to and from the other members, over two connections per
 * direction (control: small and urgent; bulk: appends and snapshot chunks), so that votes and heartbeats
 * never wait behind data. Frames may be lost when a connection breaks; they are never damaged and never
 * reordered within one connection. The connection to a peer changes only by reconnecting and, once, from the
 * one it dialled to the one dialled to it.
 */
import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/random.ts'
import type { PeerId } from '../protocol/members.ts'
import type { Address, Connection, Network } from './network.ts'

export type Lane = 'control' | 'bulk'

/** The numbers are part of the wire format. Payloads are the owning modules' codecs. */
export const FrameType = {
  ping: 1,
  pong: 2,
  /** One Raft message (raft/message-codec.ts). */
  raft: 16,
  /** Runs of commands from an origin to the leader; refusals and read rounds (cluster/). */
  forward: 32,
  refuse: 33,
  readRequest: 34,
  readResponse: 35,
  openSession: 36,
  /** Snapshot transfer (cluster/). */
  snapshot: 48,
  snapshotReply: 49,
  /** Formation (R8) and administration (cluster/). */
  formation: 64,
  admin: 65,
  adminReply: 66,
  /** A leader invites a fresh node to become a member (cluster/). */
  invite: 67,
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** What a node says of itself in its hello; kept up to date for every connected peer. */
export interface HelloInfo {
  readonly name: string
  readonly incarnation: string
  readonly bootId: string
  /** '' before formation. */
  readonly clusterId: string
  readonly redisAddress: string
  readonly httpAddress: string
  /** R7: what its program can execute. */
  readonly engineLevel: number
  readonly wallMs: number
}

export interface PeerInfo extends HelloInfo {
  readonly peerId: PeerId
}

export interface TransportHandlers {
  /** A frame from an authenticated peer. `payload` is a view valid for as long as it is referenced. */
  onFrame(from: PeerInfo, type: FrameType, group: number, payload: Buffer): void
  /** The first connection from or to this peer is authenticated, or its hello changed. */
  onPeer(peer: PeerInfo): void
  /**
   * The peer's control connection closed, was reset or fell silent: a hint that it died (design 4, fast
   * failover). There is one in each direction, so one death may be reported twice.
   */
  onControlLost(peerId: PeerId): void
  /**
   * After the transport refused someone: why, for the log (wrong secret, other cluster, old incarnation…).
   */
  onRefused(remote: string, reason: string): void
}

/** Sums since this process started, over all connections with one peer. */
export interface PeerTraffic {
  readonly info: PeerInfo
  /** Smoothed round trip of pings; NaN before the first. */
  readonly rttMs: number
  /** Its wall clock minus this node's, as of the last ping; NaN before the first (R12). */
  readonly clockOffsetMs: number
  /** Connections that were made and authenticated, either direction. */
  readonly connections: number
  /** Frames that send() refused. */
  readonly framesDropped: number
  readonly framesIn: number
  readonly framesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface Transport {
  /**
   * Replaces the set of peers to keep connections to. Addresses without a known peer id (formation) are named
   * ''.
   */
  setPeers(peers: readonly { name: string; address: string }[]): void
  /**
   * Queues a frame; it leaves when the turn ends. False when no connection stands or its queue is over the
   * limit.
   */
  send(to: PeerId, lane: Lane, type: FrameType, group: number, chunks: readonly Buffer[]): boolean
  /** Formation only: by address, before peer ids are known. */
  sendTo(address: string, type: FrameType, payload: Buffer): boolean
  /** Formation only: the node that answers at an address of setPeers() now; 'self' when that is this one. */
  peerAt(address: string): PeerInfo | 'self' | null
  /** A connection that another node made to one of this node's other doors. */
  accept(connection: Connection): void
  /** Peers with an authenticated connection now, and when each was last heard (monotonic ms). */
  peers(): readonly { info: PeerInfo; lastHeardMs: number; controlUp: boolean }[]
  lastHeardMs(peerId: PeerId): number
  queuedBytes(peerId: PeerId, lane: Lane): number
  /** Counters for status pages: the traffic with every peer known. */
  traffic(): readonly PeerTraffic[]
  /** The port it listens on; 0 when it has none of its own. */
  readonly port: number
  /**
   * Call when the hello changed (cluster id after formation); connected peers are told. `wallMs` is ignored.
   */
  setHello(hello: HelloInfo): void
  /** Stops heartbeats' carrier: closes every connection at once (R4's last resort, shutdown). */
  close(done: () => void): void
}

export interface TransportOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  /** Null: no port of its own; other nodes' connections come through accept(). */
  readonly listen: Address | null
  readonly hello: HelloInfo
  /** '' = none (loopback or --insecure). */
  readonly clusterSecret: string
  /**
   * For secrets that change while the node runs: asked at every handshake, the present one first, then one that is
   * still accepted. Connections that stand are not touched.
   */
  readonly clusterSecrets?: () => readonly string[]
  /** Protocol versions that are spoken; default: this program's (hello.ts). */
  readonly versions?: { readonly min: number; readonly max: number }
  /** Longest silence on a control connection before it is given up; default: controlSilentMs of timing.ts. */
  readonly silentMs?: number
  readonly handlers: TransportHandlers
  /** A further check of the node's own: why this peer is refused (say, its member was removed), or null. */
  readonly admit?: (peer: PeerInfo) => string | null
}
