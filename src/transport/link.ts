/**
 * One connection to another node, dialled or accepted, from the handshake to its end: frames in and out,
 * pings, silence. A link reports each of its stages once to its owner and says nothing after it is closed.
 */
import { readU32, readU64, writeU64 } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../protocol/limits.ts'
import { FrameWriter, LinkFrame, USER_FRAME_MIN } from './frame.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { Handshake, type HandshakeOptions, type HandshakeStep } from './handshake.ts'
import { decodeHello, encodeHello, type Hello } from './hello.ts'
import type { Connection } from './network.ts'
import { timing } from './timing.ts'
import type { Lane } from './types.ts'

export interface LinkOwner {
  /** The other side is authenticated. */
  linkTrusted(link: Link): void
  linkHeard(link: Link): void
  linkFrame(link: Link, type: number, group: number, payload: Buffer): void
  /** A trusted peer's hello changed. Returns why it is not welcome any more, or null. */
  linkUpdated(link: Link, hello: Hello): string | null
  linkPong(link: Link, sample: { rttMs: number; clockOffsetMs: number }): void
  /** `byPeer`: the other side refused this one. linkClosed follows. */
  linkRefused(link: Link, reason: string, byPeer: boolean): void
  /** The last call. */
  linkClosed(link: Link): void
}

export interface LinkOptions extends HandshakeOptions {
  readonly connection: Connection
  readonly clock: Clock
  readonly owner: LinkOwner
  /** TransportOptions.silentMs. */
  readonly silentMs: number
}

type Stage = 'handshake' | 'trusted' | 'lingering' | 'closed'

const NO_PAYLOAD: readonly Buffer[] = []

export class Link {
  readonly side: 'dialled' | 'accepted'
  readonly remote: string
  /** Frames and bytes of this connection, headers included. */
  framesIn = 0
  framesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** Set by an owner that ends the link for a reason of its own: the end does not hint that the peer died. */
  isDismissed = false
  /** Either side refused the other, which does not hint at a death either. */
  isRefused = false
  /** What this node said when the connection was made. */
  readonly own: Hello
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #owner: LinkOwner
  readonly #silentMs: number
  readonly #handshake: Handshake
  readonly #writer: FrameWriter
  readonly #decoder = new FrameDecoder(limits.handshakeBytes)
  #lane: Lane
  #stage: Stage = 'handshake'
  /** When the present stage began. */
  #stageMs: number
  #heardMs: number
  #pingMs = -Infinity
  /** Bytes the kernel had taken at the last look, and when that number last grew. */
  #handedBytes = 0
  #progressMs: number

  constructor(options: LinkOptions) {
    this.side = options.side
    this.remote = options.connection.remote
    this.own = options.own
    this.#lane = options.own.lane
    this.#connection = options.connection
    this.#clock = options.clock
    this.#owner = options.owner
    this.#silentMs = options.silentMs
    this.#handshake = new Handshake(options)
    this.#writer = new FrameWriter((bytes) => this.#connection.write(bytes))
    this.#stageMs = options.clock.monotonicMs()
    this.#heardMs = this.#stageMs
    this.#progressMs = this.#stageMs
    this.#connection.onData((bytes) => this.#receive(bytes))
    this.#connection.onClose(() => this.#close())
    if (this.side === 'dialled') this.#write(LinkFrame.hello, this.#handshake.hello)
  }

  get lane(): Lane {
    return this.#lane
  }

  get isTrusted(): boolean {
    return this.#stage === 'trusted'
  }

  /** What the other side said in the handshake; known once trusted. */
  get hello(): Hello {
    return this.#handshake.remote
  }

  get queuedBytes(): number {
    return this.#connection.bufferedBytes
  }

  /** Queues a frame of a trusted link; false when it is not trusted, or its queue is over the limit (R20). */
  send(type: number, group: number, chunks: readonly Buffer[]): boolean {
    if (this.#stage !== 'trusted') return false
    let size = 0
    for (let i = 0; i < chunks.length; i++) size += (chunks[i] as Buffer).length
    const queued = this.#connection.bufferedBytes
    // A frame larger than the whole queue may still fill an empty one.
    if (queued > 0 && queued + size > limits.peerQueueBytes) return false
    this.framesOut++
    this.bytesOut += this.#writer.write(type, group, chunks, size)
    return true
  }

  /** Tells a trusted peer that this node's hello changed. */
  update(hello: Hello): void {
    if (this.#stage === 'trusted') this.#write(LinkFrame.update, encodeHello(hello))
  }

  /** Ends the link with a reason for the other side. */
  refuse(reason: string): void {
    if (this.#stage === 'lingering' || this.#stage === 'closed') return
    this.isRefused = true
    this.#owner.linkRefused(this, reason, false)
    this.#write(LinkFrame.refused, Buffer.from(reason))
    this.#enter('lingering')
    this.#connection.end()
  }

  destroy(): void {
    if (this.#stage === 'closed') return
    this.#connection.destroy()
    this.#close()
  }

  /**
   * Looks after stages that last too long, silence and pings. `peerHeardMs`: when the peer was heard on any
   * link.
   */
  tick(nowMs: number, peerHeardMs: number): void {
    if (this.#stage === 'handshake' && nowMs - this.#stageMs > timing.handshakeMs) this.destroy()
    if (this.#stage === 'lingering' && nowMs - this.#stageMs > timing.lingerMs) this.destroy()
    if (this.#stage !== 'trusted') return
    this.#noteProgress(nowMs)
    if (this.#isSilent(nowMs)) this.destroy()
    else if (this.#wantsPing(nowMs, peerHeardMs)) this.#ping(nowMs)
  }

  /** This process stood still until `nowMs`: what was not heard meanwhile may be waiting in the kernel. */
  forgiveSilence(nowMs: number): void {
    this.#heardMs = nowMs
    this.#progressMs = nowMs
    this.#stageMs = nowMs
  }

  #noteProgress(nowMs: number): void {
    const handed = this.bytesOut - this.#connection.bufferedBytes
    if (handed === this.#handedBytes) return
    this.#handedBytes = handed
    this.#progressMs = nowMs
  }

  #isSilent(nowMs: number): boolean {
    if (this.#lane === 'control') return nowMs - this.#heardMs > this.#silentMs
    return nowMs - Math.max(this.#heardMs, this.#progressMs) > timing.bulkSilentMs
  }

  #wantsPing(nowMs: number, peerHeardMs: number): boolean {
    if (nowMs - Math.max(this.#heardMs, this.#pingMs) >= timing.idlePingAfterMs) return true
    if (this.#lane !== 'control' || this.side !== 'dialled') return false
    return nowMs - Math.max(peerHeardMs, this.#pingMs) >= timing.pingAfterMs
  }

  #receive(bytes: Buffer): void {
    if (this.#stage !== 'handshake' && this.#stage !== 'trusted') return
    this.bytesIn += bytes.length
    this.#heardMs = this.#clock.monotonicMs()
    if (this.#stage === 'trusted') this.#owner.linkHeard(this)
    this.#decoder.push(bytes)
    for (;;) {
      const result = this.#decoder.next()
      if (result === 'more') return
      if (result !== 'frame')
        return this.refuse(result === 'damaged' ? 'damaged frame' : 'frame is too large')
      this.framesIn++
      this.#dispatch(this.#decoder.type, this.#decoder.group, this.#decoder.payload)
      if (this.#stage !== 'handshake' && this.#stage !== 'trusted') return
    }
  }

  #dispatch(type: number, group: number, payload: Buffer): void {
    if (this.#stage === 'handshake') return this.#follow(this.#handshake.receive(type, payload))
    if (type >= USER_FRAME_MIN) return this.#owner.linkFrame(this, type, group, payload)
    if (type === LinkFrame.ping) return this.#pong(payload)
    if (type === LinkFrame.pong) return this.#receivePong(payload)
    if (type === LinkFrame.update) return this.#receiveUpdate(payload)
    if (type === LinkFrame.refused) return this.#follow(this.#handshake.receive(type, payload))
  }

  #follow(step: HandshakeStep): void {
    if (step.kind === 'refuse') return this.refuse(step.reason)
    if (step.kind === 'refusedByPeer') {
      this.isRefused = true
      this.#owner.linkRefused(this, step.reason, true)
      return this.destroy()
    }
    if (step.kind === 'send') {
      this.#write(step.type, step.payload)
      if (!step.trusted) return
    }
    this.#lane = this.#handshake.remote.lane
    this.#decoder.setSizeMax(limits.frameBytes)
    this.#enter('trusted')
    this.#owner.linkTrusted(this)
  }

  #receiveUpdate(payload: Buffer): void {
    const hello = decodeHello(payload)
    const reason = typeof hello === 'string' ? hello : this.#owner.linkUpdated(this, hello)
    if (reason !== null) this.refuse(reason)
  }

  /**
   * Ping and pong: u64 the pinging side's monotonic clock in microseconds, u64 the sender's wall clock in ms.
   */
  #ping(nowMs: number): void {
    this.#pingMs = nowMs
    this.#write(LinkFrame.ping, this.#stamps(Math.floor(nowMs * 1000)))
  }

  #pong(ping: Buffer): void {
    if (ping.length >= 16)
      this.#write(LinkFrame.pong, Buffer.concat([ping.subarray(0, 8), this.#stamps(0).subarray(8)]))
  }

  #stamps(monotonicUs: number): Buffer {
    const out = Buffer.allocUnsafe(16)
    writeU64(out, 0, monotonicUs)
    writeU64(out, 8, Math.max(0, Math.floor(this.#clock.wallMs())))
    return out
  }

  #receivePong(pong: Buffer): void {
    if (pong.length < 16 || !isU53(pong, 0) || !isU53(pong, 8)) return
    const rttMs = Math.max(0, this.#heardMs - readU64(pong, 0) / 1000)
    const clockOffsetMs = readU64(pong, 8) + rttMs / 2 - this.#clock.wallMs()
    this.#owner.linkPong(this, { rttMs, clockOffsetMs })
  }

  #write(type: number, payload: Buffer): void {
    this.framesOut++
    const chunks = payload.length === 0 ? NO_PAYLOAD : [payload]
    this.bytesOut += this.#writer.write(type, 0, chunks, payload.length)
  }

  #enter(stage: Stage): void {
    this.#stage = stage
    this.#stageMs = this.#clock.monotonicMs()
  }

  #close(): void {
    if (this.#stage === 'closed') return
    this.#enter('closed')
    this.#owner.linkClosed(this)
  }
}

/** Whether readU64 accepts what a peer sent. */
function isU53(bytes: Buffer, offset: number): boolean {
  return readU32(bytes, offset + 4) < 2 ** 21
}
