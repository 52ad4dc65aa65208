/**
 * The replies of one text connection, in the order of its lines whatever order they become known in. Each ends with
 * LF; all that is known at the end of a turn leaves in one write.
 */
import type { Socket } from 'node:net'
import type { Flushable, ReplyShare } from '../connection/flush-list.ts'
import type { Unsent } from '../connection/reply-budget.ts'

const LINE_END = Buffer.from('\n')
const NOTHING = Buffer.alloc(0)
/** Replies from this size on are counted at once, and not at the end of the turn. */
const LARGE_BYTES = 16 * 1024

/** The place of a reply that is still to come. */
export interface Slot {
  bytes: Buffer | null
  next: Slot | null
}

export class TextReplies implements Unsent {
  readonly #socket: Socket
  readonly #share: ReplyShare
  readonly #owner: Flushable
  #head: Slot | null = null
  #tail: Slot | null = null
  #out: Buffer[] = []
  #outBytes = 0
  #waitingBytes = 0
  /** Places that are not sent yet. */
  length = 0
  /** Of the node's budget. */
  counted = 0
  #isGivenUp = false

  /** `owner` is flushed when the replies were given up. */
  constructor(socket: Socket, share: ReplyShare, owner: Flushable) {
    this.#socket = socket
    this.#share = share
    this.#owner = owner
    socket.on('drain', () => this.#account())
  }

  /** Bytes that the client has not taken yet: here and in the socket. Infinite when they were given up. */
  get bytes(): number {
    if (this.#isGivenUp) return Number.POSITIVE_INFINITY
    return this.#waitingBytes + this.#outBytes + this.#socket.writableLength
  }

  get isIdle(): boolean {
    return this.#head === null && this.#outBytes === 0
  }

  open(): Slot {
    const slot: Slot = { bytes: null, next: null }
    if (this.#tail === null) this.#head = slot
    else this.#tail.next = slot
    this.#tail = slot
    this.length++
    return slot
  }

  fill(slot: Slot, reply: string | Buffer): void {
    if (this.#isGivenUp) return
    slot.bytes = typeof reply === 'string' ? Buffer.from(reply) : reply
    this.#waitingBytes += slot.bytes.length + 1
    while (this.#head !== null && this.#head.bytes !== null) {
      this.#waitingBytes -= this.#head.bytes.length + 1
      this.write(this.#head.bytes)
      this.write(LINE_END)
      this.#head = this.#head.next
      this.length--
    }
    if (this.#head === null) this.#tail = null
    if (slot.bytes.length >= LARGE_BYTES) this.#account()
  }

  /** Bytes of a reply that is sent in parts: only while no place is open. */
  write(bytes: Buffer): void {
    this.#out.push(bytes)
    this.#outBytes += bytes.length
  }

  flush(): void {
    if (this.#outBytes > 0) this.#send()
    this.#account()
  }

  review(): void {
    this.#owner.flush()
  }

  giveUp(): void {
    this.#isGivenUp = true
    for (let slot = this.#head; slot !== null; slot = slot.next) slot.bytes &&= NOTHING
    this.#drop()
    this.#share.flushes.add(this.#owner)
  }

  /** The client is gone. */
  abandon(): void {
    this.#head = null
    this.#tail = null
    this.length = 0
    this.#drop()
  }

  #drop(): void {
    this.#out = []
    this.#outBytes = 0
    this.#waitingBytes = 0
    this.#share.replyBudget.count(this, 0)
  }

  #account(): void {
    if (!this.#isGivenUp) this.#share.replyBudget.look(this, this.bytes, this.#socket)
  }

  #send(): void {
    this.#share.stats.bytesOut += this.#outBytes
    this.#socket.write(this.#out.length === 1 ? (this.#out[0] as Buffer) : Buffer.concat(this.#out))
    this.#out = []
    this.#outBytes = 0
  }
}
