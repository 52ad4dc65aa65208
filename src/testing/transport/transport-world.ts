/**
 * Transports in a simulated world, without the nodes above them: what tests of the transport and of formation
 * share. Every call of the handlers is recorded.
 */
import { must } from '../../lib/assert.ts'
import { type PeerId, peerIdOf } from '../../protocol/members.ts'
import { openTransport } from '../../transport/transport.ts'
import type {
  FrameType,
  HelloInfo,
  PeerInfo,
  Transport,
  TransportHandlers,
  TransportOptions,
} from '../../transport/types.ts'
import { SimNetwork, type SimNetworkOptions } from '../sim/network.ts'
import { SimNode, type SimSeams } from '../sim/node.ts'
import { SimWorld } from '../sim/world.ts'

export const PEER_PORT = 9090

export interface ReceivedFrame {
  readonly from: PeerId
  readonly type: FrameType
  readonly group: number
  readonly payload: Buffer
}

/** One process with a transport. */
export class TransportNode implements TransportHandlers {
  readonly seams: SimSeams
  readonly peerId: PeerId
  readonly frames: ReceivedFrame[] = []
  readonly peersSeen: PeerInfo[] = []
  readonly controlLost: PeerId[] = []
  readonly refusals: string[] = []
  hello: HelloInfo
  /** What sits on the transport, if anything: hears what was recorded. */
  user: Partial<TransportHandlers> = {}
  #transport: Transport | null = null

  constructor(
    seams: SimSeams,
    hello: HelloInfo,
    options: Partial<Pick<TransportOptions, 'clusterSecret' | 'admit' | 'versions'>>,
  ) {
    this.seams = seams
    this.hello = hello
    this.peerId = peerIdOf(hello.name, hello.incarnation)
    const { network, clock, random } = seams
    const common = { network, clock, random: random.fork('transport'), hello, handlers: this }
    const listen = { host: '', port: PEER_PORT }
    openTransport({ clusterSecret: '', ...options, ...common, listen }, (error, transport) => {
      if (error !== null) throw error
      this.#transport = transport
    })
  }

  get isOpen(): boolean {
    return this.#transport !== null
  }

  get transport(): Transport {
    return must(this.#transport, 'open transport')
  }

  onFrame(from: PeerInfo, type: FrameType, group: number, payload: Buffer): void {
    this.frames.push({ from: from.peerId, type, group, payload })
    this.user.onFrame?.(from, type, group, payload)
  }

  onPeer(peer: PeerInfo): void {
    this.peersSeen.push(peer)
    this.user.onPeer?.(peer)
  }

  onControlLost(peerId: PeerId): void {
    this.controlLost.push(peerId)
    this.user.onControlLost?.(peerId)
  }

  onRefused(remote: string, reason: string): void {
    this.refusals.push(reason)
    this.user.onRefused?.(remote, reason)
  }

  /** Whether frames can be sent to `other` now. */
  reaches(other: TransportNode): boolean {
    return this.transport.peers().some((peer) => peer.info.peerId === other.peerId && peer.controlUp)
  }
}

export interface StartOptions
  extends Partial<Pick<TransportOptions, 'clusterSecret' | 'admit' | 'versions'>> {
  readonly hello?: Partial<HelloInfo>
}

export class TransportWorld {
  readonly world: SimWorld
  readonly network: SimNetwork
  readonly #hosts = new Map<string, SimNode>()
  #boots = 0

  constructor(seed: number, options: SimNetworkOptions = {}) {
    this.world = new SimWorld(seed)
    this.network = new SimNetwork(this.world, options)
  }

  host(name: string): SimNode {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      host = new SimNode(this.network, name)
      this.#hosts.set(name, host)
    }
    return host
  }

  /** A new process on the host `name`, which listens when this returns. */
  start(name: string, options: StartOptions = {}): TransportNode {
    const { hello, ...rest } = options
    const full = { ...helloOf(name, `${++this.#boots}`), ...hello }
    const node = new TransportNode(this.host(name).start(), full, rest)
    this.world.runUntil(() => node.isOpen, `${name} listens`)
    return node
  }
}

export function helloOf(name: string, boot: string): HelloInfo {
  return {
    name,
    incarnation: `incarnation-of-${name}`,
    bootId: `boot-${boot}`,
    clusterId: '',
    redisAddress: `${name}:6379`,
    httpAddress: `${name}:8080`,
    engineLevel: 1,
    wallMs: 0,
  }
}

/** What to tell a transport about others. */
export function peersOf(...nodes: readonly TransportNode[]): { name: string; address: string }[] {
  return nodes.map((node) => ({ name: node.hello.name, address: `${node.hello.name}:${PEER_PORT}` }))
}
