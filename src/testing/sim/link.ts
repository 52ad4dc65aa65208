/**
 * One direction between two simulated hosts, and the byte streams that run over it. Bytes of a stream arrive
 * in order or not at all. While the direction is blocked, or the receiving host has no power, they wait, as
 * TCP retransmits; a stream that makes no progress for too long breaks.
 */
import type { Random } from '../../lib/random.ts'
import type { SimConnection } from './connection.ts'
import type { SimWorld } from './world.ts'

export interface LinkOptions {
  /** Least one-way latency. */
  readonly latencyMs: number
  /** Mean of an exponential rest. */
  readonly jitterMs: number
  /** Probability of a delay with mean `tailMs` on top. */
  readonly tailRate: number
  readonly tailMs: number
  /** Bytes per millisecond; Infinity = not limited. */
  readonly bytesPerMs: number
}

export class SimLink {
  readonly label: string
  options: LinkOptions
  /** Those that wait for the way to be free. */
  readonly waiting = new Set<SimStream>()
  readonly #world: SimWorld
  readonly #random: Random
  #blocked = false
  #freeAtMs = 0

  constructor(world: SimWorld, from: string, to: string, options: LinkOptions) {
    this.#world = world
    this.#random = world.random.fork(`link ${from} ${to}`)
    this.label = `net ${from}>${to}`
    this.options = options
  }

  get blocked(): boolean {
    return this.#blocked
  }

  block(): void {
    this.#blocked = true
  }

  /** What waited arrives when it is sent again: within `retransmitMs`. */
  unblock(retransmitMs: number): void {
    if (!this.#blocked) return
    this.#blocked = false
    for (const stream of this.waiting) stream.retry(this.#random.float() * retransmitMs)
  }

  /** One-way time for a packet of `bytes` that leaves now, queueing included. */
  delayMs(bytes: number): number {
    const { latencyMs, jitterMs, tailRate, tailMs, bytesPerMs } = this.options
    let delayMs = latencyMs + this.#exponential(jitterMs)
    if (tailRate > 0 && this.#random.float() < tailRate) delayMs += this.#exponential(tailMs)
    if (bytesPerMs === Infinity) return delayMs
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#world.nowMs) + bytes / bytesPerMs
    return delayMs + this.#freeAtMs - this.#world.nowMs
  }

  #exponential(meanMs: number): number {
    return meanMs === 0 ? 0 : -meanMs * Math.log(1 - this.#random.float())
  }
}

/** What a stream carries: bytes, the end of the stream, or the news that the connection is void. */
export type Packet = Buffer | 'end' | 'reset'

interface InFlight {
  readonly packet: Packet
  readonly arrivesMs: number
}

/** One direction of one connection. */
export class SimStream {
  readonly #world: SimWorld
  readonly #link: SimLink
  readonly #timeoutMs: number
  readonly #isReachable: () => boolean
  readonly #sender: SimConnection
  readonly #receiver: SimConnection
  readonly #queue: InFlight[] = []
  #lastArrivalMs = 0
  #waiting = false
  /** Grows whenever something arrives: tells a stall from a slow stream. */
  #progress = 0

  constructor(options: {
    world: SimWorld
    link: SimLink
    timeoutMs: number
    isReachable: () => boolean
    sender: SimConnection
    receiver: SimConnection
  }) {
    this.#world = options.world
    this.#link = options.link
    this.#timeoutMs = options.timeoutMs
    this.#isReachable = options.isReachable
    this.#sender = options.sender
    this.#receiver = options.receiver
  }

  get linkBlocked(): boolean {
    return this.#link.blocked
  }

  send(packet: Packet): void {
    const delayMs = this.#link.delayMs(typeof packet === 'string' ? 0 : packet.length)
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#world.nowMs + delayMs)
    this.#queue.push({ packet, arrivesMs: this.#lastArrivalMs })
    this.#world.schedule(this.#lastArrivalMs - this.#world.nowMs, this.#link.label, this.#arrive)
  }

  /** The way may be free again. */
  retry(delayMs: number): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.#link.waiting.delete(this)
    this.#world.schedule(delayMs, `${this.#link.label} retry`, this.#arrive)
  }

  readonly #arrive = (): void => {
    for (;;) {
      const head = this.#queue[0]
      if (head === undefined || head.arrivesMs > this.#world.nowMs || this.#waiting) return
      if (this.#link.blocked || !this.#isReachable()) {
        this.#stall(head.packet)
        return
      }
      this.#queue.shift()
      this.#progress++
      this.#receiver.receive(head.packet)
    }
  }

  #stall(packet: Packet): void {
    // A reset is sent once: lost, it leaves the other side believing in the connection.
    if (packet === 'reset') {
      this.#queue.length = 0
      return
    }
    this.#waiting = true
    this.#link.waiting.add(this)
    const progress = this.#progress
    this.#world.schedule(this.#timeoutMs, `${this.#link.label} timeout`, () => {
      if (this.#progress === progress && this.#queue.length > 0) this.#sender.fail('ETIMEDOUT')
    })
  }
}
