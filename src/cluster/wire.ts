/**
 * The typed frames of one group between replicas: encodes and sends on the right lane, decodes and dispatches. Votes,
 * heartbeats, refusals and read rounds travel on the control lane and never wait behind data.
 */
import type { Logger } from '../lib/logger.ts'
import type { PeerId } from '../protocol/members.ts'
import { decodeMessage, encodeMessage } from '../raft/message-codec.ts'
import { isBulk, type Message } from '../raft/messages.ts'
import { FrameType, type Lane, type PeerInfo, type Transport } from '../transport/types.ts'
import {
  decodeSnapshotFrame,
  encodeSnapshotFrame,
  type SnapshotReply,
  type SnapshotRequest,
} from './durable/snapshot-frames.ts'
import {
  decodeReadRequest,
  decodeReadResponse,
  decodeRefuse,
  encodeReadRequest,
  encodeReadResponse,
  encodeRefuse,
  type ForwardHeader,
  type ReadRequest,
  type ReadResponse,
  type RefuseReason,
} from './frames.ts'

/** What a frame of another node means here. */
export interface WireHandlers {
  onMessage(message: Message): void
  onForward(from: PeerId, payload: Buffer): void
  onRefuse(stream: number): void
  onReadRequest(from: PeerId, request: ReadRequest): void
  onReadResponse(response: ReadResponse): void
  onOpenSession(from: PeerId, bootId: string): void
  onSnapshotRequest(from: PeerId, request: SnapshotRequest): void
  onSnapshotReply(from: PeerId, reply: SnapshotReply, bytes: Buffer): void
}

export interface WireOptions {
  readonly group: number
  readonly self: PeerId
  readonly transport: Transport
  readonly logger: Logger
  readonly handlers: WireHandlers
}

/** Every send is false when the frame surely did not leave. */
export class Wire {
  readonly #options: WireOptions

  constructor(options: WireOptions) {
    this.#options = options
  }

  receive(from: PeerInfo, type: FrameType, payload: Buffer): void {
    const { handlers } = this.#options
    const { peerId } = from
    switch (type) {
      case FrameType.raft:
        return this.#message(from, payload)
      case FrameType.forward:
        return handlers.onForward(peerId, payload)
      case FrameType.refuse:
        return handlers.onRefuse(decodeRefuse(payload).stream)
      case FrameType.readRequest:
        return handlers.onReadRequest(peerId, decodeReadRequest(payload))
      case FrameType.readResponse:
        return handlers.onReadResponse(decodeReadResponse(payload))
      case FrameType.openSession:
        return handlers.onOpenSession(peerId, payload.toString('utf8'))
      case FrameType.snapshot: {
        const frame = decodeSnapshotFrame<SnapshotRequest>(payload)
        return frame === null ? this.#drop(from) : handlers.onSnapshotRequest(peerId, frame.header)
      }
      case FrameType.snapshotReply: {
        const frame = decodeSnapshotFrame<SnapshotReply>(payload)
        return frame === null ? this.#drop(from) : handlers.onSnapshotReply(peerId, frame.header, frame.bytes)
      }
    }
  }

  message(message: Message): boolean {
    return this.#send(
      message.to,
      isBulk(message) ? 'bulk' : 'control',
      FrameType.raft,
      encodeMessage(message),
    )
  }

  forward(to: PeerId, chunks: readonly Buffer[]): boolean {
    return this.#send(to, 'bulk', FrameType.forward, chunks)
  }

  refuse(to: PeerId, header: ForwardHeader, reason: RefuseReason): boolean {
    return this.#send(to, 'control', FrameType.refuse, [encodeRefuse(header, reason)])
  }

  readRequest(to: PeerId, request: ReadRequest): boolean {
    return this.#send(to, 'control', FrameType.readRequest, [encodeReadRequest(request)])
  }

  readResponse(to: PeerId, response: ReadResponse): boolean {
    return this.#send(to, 'control', FrameType.readResponse, [encodeReadResponse(response)])
  }

  openSession(to: PeerId, bootId: string): boolean {
    return this.#send(to, 'control', FrameType.openSession, [Buffer.from(bootId)])
  }

  snapshotRequest(to: PeerId, request: SnapshotRequest): boolean {
    return this.#send(to, 'control', FrameType.snapshot, encodeSnapshotFrame(request))
  }

  snapshotReply(to: PeerId, reply: SnapshotReply, bytes?: Buffer): boolean {
    return this.#send(to, 'bulk', FrameType.snapshotReply, encodeSnapshotFrame(reply, bytes))
  }

  #message(from: PeerInfo, payload: Buffer): void {
    const { group, self, handlers } = this.#options
    const message = decodeMessage(payload, group)
    if (message !== null && message.from === from.peerId && message.to === self) handlers.onMessage(message)
    else this.#drop(from)
  }

  #drop(from: PeerInfo): void {
    this.#options.logger.warn('Dropped a frame that cannot be read', { from: from.name })
  }

  #send(to: PeerId, lane: Lane, type: FrameType, chunks: readonly Buffer[]): boolean {
    return this.#options.transport.send(to, lane, type, this.#options.group, chunks)
  }
}
