/**
 * The replies of one text connection, in the order of its lines whatever order they become known in. Each ends with
 * LF; all that is known at the end of a turn leaves in one write.
 */
import type { Socket } from 'node:net'
import type { DoorStats } from '../stats.ts'

const LINE_END = Buffer.from('\n')

/** The place of a reply that is still to come. */
export interface Slot {
  bytes: Buffer | null
  next: Slot | null
}

export class TextReplies {
  readonly #socket: Socket
  readonly #stats: DoorStats
  #head: Slot | null = null
  #tail: Slot | null = null
  #out: Buffer[] = []
  #outBytes = 0
  #waitingBytes = 0
  /** Places that are not sent yet. */
  length = 0

  constructor(socket: Socket, stats: DoorStats) {
    this.#socket = socket
    this.#stats = stats
  }

  /** Bytes that the client has not taken yet: here and in the socket. */
  get bytes(): number {
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
  }

  /** Bytes of a reply that is sent in parts: only while no place is open. */
  write(bytes: Buffer): void {
    this.#out.push(bytes)
    this.#outBytes += bytes.length
  }

  flush(): void {
    if (this.#outBytes === 0) return
    this.#stats.bytesOut += this.#outBytes
    this.#socket.write(this.#out.length === 1 ? (this.#out[0] as Buffer) : Buffer.concat(this.#out))
    this.#out = []
    this.#outBytes = 0
  }

  /** The client is gone. */
  abandon(): void {
    this.#head = null
    this.#tail = null
    this.#out = []
    this.#outBytes = 0
    this.#waitingBytes = 0
    this.length = 0
  }
}
