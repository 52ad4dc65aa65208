/**
 * What the transport keeps of one other node, known by its peer id: who it said it is, its trusted links,
 * when it was heard. Outlives its connections, so that silence can be measured.
 */
import type { PeerId } from '../protocol/members.ts'
import type { Hello } from './hello.ts'
import type { Link } from './link.ts'
import type { Lane, PeerInfo, PeerTraffic } from './types.ts'

/** The weight of a new round-trip sample in the smoothed one (RFC 6298). */
const RTT_GAIN = 1 / 8

export class Peer {
  readonly peerId: PeerId
  /** Trusted links, dialled and accepted. */
  readonly links = new Set<Link>()
  info: PeerInfo
  /** Monotonic ms. */
  heardMs: number
  /** Lanes on which this node dials it and reached it once: frames wait for the dialled connection there. */
  readonly isDialled: Record<Lane, boolean> = { control: false, bulk: false }
  readonly #out: Record<Lane, Link | null> = { control: null, bulk: null }
  /** Of the hello that `info` is from. */
  #revision = 0
  #rttMs = NaN
  #clockOffsetMs = NaN
  #connections = 0
  #framesDropped = 0
  /** Counters of links that are gone. */
  readonly #past = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }

  constructor(info: PeerInfo, nowMs: number) {
    this.peerId = info.peerId
    this.info = info
    this.heardMs = nowMs
  }

  /**
   * The link that carries frames to this peer: the dialled one; while none was ever dialled through, the one
   * on which it dialled us. Sticking to the dialled one keeps frames in order over a reconnection.
   */
  out(lane: Lane): Link | null {
    return this.#out[lane]
  }

  add(link: Link): void {
    this.links.add(link)
    this.#connections++
    this.choose()
  }

  remove(link: Link): void {
    if (!this.links.delete(link)) return
    this.#past.framesIn += link.framesIn
    this.#past.framesOut += link.framesOut
    this.#past.bytesIn += link.bytesIn
    this.#past.bytesOut += link.bytesOut
    this.choose()
  }

  /** Chooses the links for sending anew, after a change of `links` or `isDialled`. */
  choose(): void {
    this.#out.control = this.#pick('control')
    this.#out.bulk = this.#pick('bulk')
  }

  #pick(lane: Lane): Link | null {
    let accepted: Link | null = null
    for (const link of this.links) {
      if (link.lane !== lane) continue
      if (link.side === 'dialled') return link
      accepted = link
    }
    return this.isDialled[lane] ? null : accepted
  }

  /**
   * True when `hello` differs from what is known in anything but the time. An outdated one teaches nothing.
   */
  learn(hello: Hello): boolean {
    const { name, incarnation, bootId, clusterId, redisAddress, httpAddress, engineLevel, wallMs } = hello
    const old = this.info
    if (old.bootId === bootId && hello.revision < this.#revision) return false
    this.#revision = hello.revision
    this.info = {
      peerId: this.peerId,
      name,
      incarnation,
      bootId,
      clusterId,
      redisAddress,
      httpAddress,
      engineLevel,
      wallMs,
    }
    return (
      old.bootId !== bootId ||
      old.clusterId !== clusterId ||
      old.redisAddress !== redisAddress ||
      old.httpAddress !== httpAddress
    )
  }

  sample(rttMs: number, clockOffsetMs: number): void {
    this.#rttMs = Number.isNaN(this.#rttMs) ? rttMs : this.#rttMs + (rttMs - this.#rttMs) * RTT_GAIN
    this.#clockOffsetMs = clockOffsetMs
  }

  dropped(): void {
    this.#framesDropped++
  }

  traffic(): PeerTraffic {
    const sum = { ...this.#past }
    for (const link of this.links) {
      sum.framesIn += link.framesIn
      sum.framesOut += link.framesOut
      sum.bytesIn += link.bytesIn
      sum.bytesOut += link.bytesOut
    }
    return {
      info: this.info,
      rttMs: this.#rttMs,
      clockOffsetMs: this.#clockOffsetMs,
      connections: this.#connections,
      framesDropped: this.#framesDropped,
      ...sum,
    }
  }
}
