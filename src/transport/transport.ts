/**
 * The transport: keeps the peers it is told about dialled, accepts those who dial, and knows every peer by
 * its links. This file composes; a link owns one connection, the slots what is dialled, a peer what is known
 * of one node. All calls of the handlers come from here, none after close().
 */
import { assert } from '../lib/assert.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { limits } from '../protocol/limits.ts'
import { type PeerId, peerIdOf } from '../protocol/members.ts'
import type { Callback } from '../storage/disk.ts'
import {
  decodeHello,
  encodeHello,
  type Hello,
  NONCE_SIZE,
  refusalOf,
  VERSION_MAX,
  VERSION_MIN,
} from './hello.ts'
import { Link, type LinkOwner } from './link.ts'
import type { Connection, Listener } from './network.ts'
import { Peer } from './peer.ts'
import { RefusalReporter } from './refusal-reporter.ts'
import { type Slot, Slots } from './slots.ts'
import { timing } from './timing.ts'
import {
  FrameType,
  type HelloInfo,
  type Lane,
  type PeerInfo,
  type PeerTraffic,
  type Transport,
  type TransportOptions,
} from './types.ts'

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(FrameType))

/** Listens on options.listen; `done` gets a transport without peers, or why it cannot listen. */
export function openTransport(options: TransportOptions, done: Callback<Transport>): void {
  assertEncodable(options.hello)
  let transport: NodeTransport | null = null
  const accept = (connection: Connection): void => {
    if (transport === null) connection.destroy()
    else transport.accept(connection)
  }
  if (options.listen === null) {
    const listener = noListener(options.clock)
    return options.clock.defer(() => done(null, new NodeTransport(options, listener)))
  }
  options.network.listen(options.listen, accept, (error, listener) => {
    if (error !== null) return done(error, undefined as never)
    transport = new NodeTransport(options, listener)
    done(null, transport)
  })
}

class NodeTransport implements Transport, LinkOwner {
  readonly #options: TransportOptions
  readonly #listener: Listener
  readonly #refusals: RefusalReporter
  readonly #slots: Slots
  readonly #links = new Set<Link>()
  readonly #peers = new Map<PeerId, Peer>()
  /** Trusted links only. */
  readonly #peerOf = new Map<Link, Peer>()
  #hello: HelloInfo
  #revision = 0
  #acceptedCount = 0
  #tickTimer: Timer
  #tickMs: number
  #isClosed = false

  constructor(options: TransportOptions, listener: Listener) {
    this.#options = options
    this.#listener = listener
    this.#hello = options.hello
    this.#refusals = new RefusalReporter(options.clock, (remote, reason) => {
      if (!this.#isClosed) options.handlers.onRefused(remote, reason)
    })
    const { network, clock, random } = options
    this.#slots = new Slots({
      network,
      clock,
      random,
      begin: (connection, lane, slot) => this.#begin(connection, lane, slot),
      onInvalid: (address) => this.#refusals.refused(address, 'not an address of the form host:port'),
    })
    this.#tickMs = options.clock.monotonicMs()
    this.#tickTimer = options.clock.setTimer(timing.tickMs, this.#tick)
  }

  get port(): number {
    return this.#listener.port
  }

  // What the node calls.

  setPeers(peers: readonly { name: string; address: string }[]): void {
    this.#slots.replace(peers)
    for (const link of this.#links) if (link.isTrusted) this.#checkName(link)
    this.#noteDialled()
  }

  send(to: PeerId, lane: Lane, type: FrameType, group: number, chunks: readonly Buffer[]): boolean {
    const peer = this.#peers.get(to)
    if (peer === undefined) return false
    const link = peer.out(lane)
    if (link?.send(type, group, chunks) === true) return true
    peer.dropped()
    return false
  }

  sendTo(address: string, type: FrameType, payload: Buffer): boolean {
    return this.#slots.link(address, 'control')?.send(type, 0, [payload]) ?? false
  }

  peerAt(address: string): PeerInfo | 'self' | null {
    if (this.#slots.isSelf(address)) return 'self'
    const link = this.#slots.link(address, 'control')
    return link?.isTrusted === true ? (this.#peerOf.get(link)?.info ?? null) : null
  }

  peers(): readonly { info: PeerInfo; lastHeardMs: number; controlUp: boolean }[] {
    const connected = [...this.#peers.values()].filter((peer) => peer.links.size > 0)
    return connected.map((peer) => ({
      info: peer.info,
      lastHeardMs: peer.heardMs,
      controlUp: peer.out('control') !== null,
    }))
  }

  lastHeardMs(peerId: PeerId): number {
    return this.#peers.get(peerId)?.heardMs ?? -Infinity
  }

  queuedBytes(peerId: PeerId, lane: Lane): number {
    return this.#peers.get(peerId)?.out(lane)?.queuedBytes ?? 0
  }

  traffic(): readonly PeerTraffic[] {
    return [...this.#peers.values()].map((peer) => peer.traffic())
  }

  setHello(hello: HelloInfo): void {
    assertEncodable(hello)
    this.#hello = hello
    this.#revision++
    for (const link of this.#links) if (link.isTrusted) this.#announce(link)
    this.#slots.hurryAll()
  }

  close(done: () => void): void {
    if (this.#isClosed) return this.#options.clock.defer(done)
    this.#isClosed = true
    this.#tickTimer.cancel()
    this.#slots.stop()
    for (const link of this.#links) link.destroy()
    this.#listener.close(() => done())
  }

  // Connections.

  accept(connection: Connection): void {
    if (this.#isClosed || this.#acceptedCount >= limits.peerConnections) return connection.destroy()
    this.#acceptedCount++
    this.#begin(connection, 'control', null)
  }

  #begin(connection: Connection, lane: Lane, slot: Slot | null): Link {
    const { clock, random, silentMs = timing.controlSilentMs } = this.#options
    const link = new Link({
      connection,
      clock,
      owner: this,
      silentMs,
      side: slot === null ? 'accepted' : 'dialled',
      own: this.#ownHello(lane, random.bytes(NONCE_SIZE)),
      secrets: this.#secrets,
      check: (remote) => {
        if (remote.bootId === this.#hello.bootId) this.#noteSelf(remote.nonce)
        return this.#refusalOf(remote, slot?.name ?? '') ?? this.#falseName(connection, remote.name)
      },
    })
    this.#links.add(link)
    return link
  }

  /** R19: of handshakes that begin now. */
  get #secrets(): readonly string[] {
    const { clusterSecret, clusterSecrets } = this.#options
    return clusterSecrets?.() ?? (clusterSecret === '' ? [] : [clusterSecret])
  }

  /** A certificate must be that of the member, or of the host at which the member is known (R19). */
  #falseName({ identity }: Connection, name: string): string | null {
    if (identity === null || identity === undefined) return null
    const hosts = this.#slots.hostsOf(name)
    if ([name, ...hosts].some((host) => identity.covers(host))) return null
    return `the certificate of ${name} is not that of a node with ${['its name', ...hosts].join(' or ')}`
  }

  /** This node dialled itself: the nonce tells over which of its own links. */
  #noteSelf(nonce: Buffer): void {
    for (const link of this.#links) {
      const slot = link.own.nonce.equals(nonce) ? this.#slots.slotOf(link) : null
      if (slot !== null) slot.isSelf = true
    }
  }

  /** Another name may be expected at a known address by now. */
  #checkName(link: Link): void {
    const slot = this.#slots.slotOf(link)
    if (slot === null || slot.name === '' || slot.name === link.hello.name) return
    link.refuse(`expected ${slot.name}, found ${link.hello.name}`)
  }

  /** Tells each peer on which lanes it is dialled. */
  #noteDialled(): void {
    for (const peer of this.#peers.values()) {
      peer.isDialled.control = this.#slots.hasFound(peer.peerId, 'control')
      peer.isDialled.bulk = this.#slots.hasFound(peer.peerId, 'bulk')
      peer.choose()
    }
  }

  #ownHello(lane: Lane, nonce: Buffer): Hello {
    const { min, max } = this.#options.versions ?? { min: VERSION_MIN, max: VERSION_MAX }
    return {
      ...this.#hello,
      versionMin: min,
      versionMax: max,
      features: 0,
      revision: this.#revision,
      wallMs: this.#options.clock.wallMs(),
      lane,
      hasSecret: this.#secrets.length > 0,
      nonce,
    }
  }

  #refusalOf(remote: Hello, expectedName: string): string | null {
    const own = this.#ownHello('control', Buffer.alloc(NONCE_SIZE))
    const reason = refusalOf(own, remote, expectedName)
    return reason ?? this.#options.admit?.(infoOf(remote)) ?? null
  }

  /** Sends the present hello to a trusted peer, unless that peer is not welcome any more. */
  #announce(link: Link): void {
    const remote = {
      ...link.hello,
      clusterId: this.#peerOf.get(link)?.info.clusterId ?? link.hello.clusterId,
    }
    const reason = this.#refusalOf(remote, '')
    if (reason !== null) link.refuse(reason)
    else link.update(this.#ownHello(link.lane, Buffer.alloc(NONCE_SIZE)))
  }

  // What links report.

  linkTrusted(link: Link): void {
    const info = infoOf(link.hello)
    const known = this.#peers.get(info.peerId)
    const peer = known ?? new Peer(info, this.#options.clock.monotonicMs())
    this.#peers.set(info.peerId, peer)
    this.#retireOlder(peer, link)
    const isNews = peer.links.size === 0
    const isChanged = peer.learn(link.hello)
    peer.heardMs = this.#options.clock.monotonicMs()
    this.#peerOf.set(link, peer)
    peer.add(link)
    this.#noteSlot(link, peer)
    if (link.own.revision !== this.#revision) this.#announce(link)
    if (!link.isTrusted) return
    if (isNews || isChanged) this.#options.handlers.onPeer(peer.info)
  }

  /**
   * Links of an earlier run of the peer are dead; of the links it dialled for one lane only the newest lives.
   */
  #retireOlder(peer: Peer, link: Link): void {
    const { bootId } = link.hello
    let isRestarted = false
    for (const old of peer.links) {
      const isEarlierRun = old.hello.bootId !== bootId
      const isReplaced = link.side === 'accepted' && old.side === 'accepted' && old.lane === link.lane
      if (!isEarlierRun && !isReplaced) continue
      if (isEarlierRun && old.lane === 'control') isRestarted = true
      old.isDismissed = true
      old.destroy()
    }
    if (isRestarted) this.#options.handlers.onControlLost(peer.peerId)
  }

  /** A dialled link says who is at the address; an accepted one, that a peer to be dialled is there. */
  #noteSlot(link: Link, peer: Peer): void {
    if (link.side === 'accepted') return this.#slots.hurry(peer.info)
    this.#slots.found(link, peer.peerId)
    this.#noteDialled()
  }

  linkHeard(link: Link): void {
    const peer = this.#peerOf.get(link)
    if (peer !== undefined) peer.heardMs = this.#options.clock.monotonicMs()
  }

  linkFrame(link: Link, type: number, group: number, payload: Buffer): void {
    const peer = this.#peerOf.get(link)
    if (peer === undefined || !KNOWN_TYPES.has(type)) return
    this.#options.handlers.onFrame(peer.info, type as FrameType, group, payload)
  }

  linkUpdated(link: Link, hello: Hello): string | null {
    const peer = this.#peerOf.get(link)
    const { name, incarnation, bootId } = link.hello
    if (peer === undefined) return 'unexpected hello'
    if (hello.name !== name || hello.incarnation !== incarnation || hello.bootId !== bootId) {
      return `${name} changed its identity`
    }
    const reason = this.#refusalOf(hello, '')
    if (reason === null && peer.learn(hello)) this.#options.handlers.onPeer(peer.info)
    return reason
  }

  linkPong(link: Link, sample: { rttMs: number; clockOffsetMs: number }): void {
    this.#peerOf.get(link)?.sample(sample.rttMs, sample.clockOffsetMs)
  }

  linkRefused(link: Link, reason: string, byPeer: boolean): void {
    this.#refusals.refused(link.remote, byPeer ? `refused by the peer: ${reason}` : reason)
  }

  linkClosed(link: Link): void {
    this.#links.delete(link)
    if (link.side === 'accepted') this.#acceptedCount--
    this.#slots.closed(link)
    const peer = this.#peerOf.get(link)
    this.#peerOf.delete(link)
    if (peer === undefined) return
    peer.remove(link)
    const isHint = link.lane === 'control' && !link.isDismissed && !link.isRefused
    if (isHint && !this.#isClosed) this.#options.handlers.onControlLost(peer.peerId)
  }

  readonly #tick = (): void => {
    const nowMs = this.#options.clock.monotonicMs()
    const hasStalled = nowMs - this.#tickMs > timing.tickMs + timing.stalledMs
    this.#tickMs = nowMs
    this.#tickTimer = this.#options.clock.setTimer(timing.tickMs, this.#tick)
    for (const link of this.#links) {
      if (hasStalled) link.forgiveSilence(nowMs)
      link.tick(nowMs, this.#peerOf.get(link)?.heardMs ?? nowMs)
    }
    for (const peer of this.#peers.values()) {
      if (peer.links.size > 0 || peer.isDialled.control || nowMs - peer.heardMs < timing.forgetPeerMs)
        continue
      this.#peers.delete(peer.peerId)
    }
  }
}

/** For a transport that others reach through accept() alone. */
function noListener(clock: Clock): Listener {
  return { port: 0, close: (done) => clock.defer(() => done(null)) }
}

function infoOf(hello: Hello): PeerInfo {
  const { name, incarnation, bootId, clusterId, redisAddress, httpAddress, engineLevel, wallMs } = hello
  const peerId = peerIdOf(name, incarnation)
  return { peerId, name, incarnation, bootId, clusterId, redisAddress, httpAddress, engineLevel, wallMs }
}

/** A hello that the other side would call malformed is a bug here. */
function assertEncodable(info: HelloInfo): void {
  const hello: Hello = {
    ...info,
    versionMin: VERSION_MIN,
    versionMax: VERSION_MAX,
    features: 0,
    revision: 0,
    lane: 'control',
    hasSecret: false,
    nonce: Buffer.alloc(NONCE_SIZE),
  }
  const decoded = decodeHello(encodeHello(hello))
  assert(typeof decoded !== 'string', () => `Cannot announce this node: ${decoded}`)
}
