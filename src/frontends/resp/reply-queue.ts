/**
 * The replies of one connection, in the order of its commands whatever order they become known in, and their
 * way to the socket: all replies of a turn leave in one write. A reply that is known while nothing stands
 * before it costs no queue entry.
 */
import type { Socket } from 'node:net'
import type { ExecuteDone, Result } from '../../cluster/execute.ts'
import { assert } from '../../lib/assert.ts'
import { limits } from '../../protocol/limits.ts'
import type { FlushList, ReplyShare } from '../connection/flush-list.ts'
import type { InFlight } from '../connection/in-flight.ts'
import type { ReplyBudget, Unsent } from '../connection/reply-budget.ts'
import type { CommandStats } from '../stats/command-stats.ts'
import type { SlowClient } from '../stats/slow-watch.ts'
import type { DoorStats } from '../stats/stats.ts'
import { toResp2, toResp3 } from './convert.ts'

const MINUS = 0x2d
/** A confirmation of a subscription: CLIENT REPLY OFF does not silence it, nor the messages. */
const PUSH = 0x3e
/** Buffers from this size on go to the socket as they are; smaller ones are joined. */
const JOIN_BYTES = 16 * 1024
const POOL_SIZE = 16_384
const NOBODY: SlowClient = { peer: '', name: '', takeWorkMs: () => 0 }
const NO_ARGS: readonly Buffer[] = []
const NOTHING = Buffer.alloc(0)
/** Nobody pushes onto it. */
const NO_REPLIES: Buffer[] = []

/** A reply that is still to come. Reused: `done` is made once and may be called once per use. */
export class Pending {
  queue: ReplyQueue | null = null
  next: Pending | null = null
  /** In the client's protocol; null while it is not known. */
  reply: Buffer | null = null
  protocol: 2 | 3 = 2
  isSilent = false
  isOpen = false
  /** Counted in there with `bytes` while it is open. */
  inFlight: InFlight | null = null
  bytes = 0
  /** Counts the answer of the command that was read at `sinceMs`; null = nobody does. */
  stats: CommandStats | null = null
  sinceMs = 0
  client: SlowClient = NOBODY
  args: readonly Buffer[] = NO_ARGS
  readonly done: ExecuteDone = (result: Result) => this.answer(result.reply)

  /** `reply` is in canonical form. */
  answer(reply: Buffer): void {
    assert(this.isOpen, 'Reply was given twice')
    this.isOpen = false
    this.inFlight?.remove(this.bytes)
    this.stats?.answered(reply, this.sinceMs, this.client, this.args)
    const queue = this.queue
    if (queue === null) recycle(this)
    else queue.resolve(this, reply)
  }
}

let pool: Pending | null = null
let poolSize = 0

function takePending(): Pending {
  const pending = pool
  if (pending === null) return new Pending()
  pool = pending.next
  poolSize--
  pending.next = null
  return pending
}

function recycle(pending: Pending): void {
  pending.reply = null
  pending.queue = null
  pending.inFlight = null
  pending.stats = null
  pending.client = NOBODY
  pending.args = NO_ARGS
  if (poolSize >= POOL_SIZE) return
  pending.next = pool
  pool = pending
  poolSize++
}

export class ReplyQueue implements Unsent {
  readonly #socket: Socket
  readonly #flushes: FlushList
  readonly #stats: DoorStats
  readonly #budget: ReplyBudget
  readonly #onFlushed: () => void
  #head: Pending | null = null
  #tail: Pending | null = null
  #out: Buffer[] = NO_REPLIES
  #outBytes = 0
  #isDirty = false
  /** Entries of the queue: commands in execution and replies that wait behind them. */
  length = 0
  #waitingBytes = 0
  #hasOverflowed = false
  /** Of the node's budget. */
  counted = 0

  /** `onFlushed` is called after each flush that found something to do or to wait for, and when the socket is empty. */
  constructor(socket: Socket, share: ReplyShare, onFlushed: () => void) {
    this.#socket = socket
    this.#flushes = share.flushes
    this.#stats = share.stats
    this.#budget = share.replyBudget
    this.#onFlushed = onFlushed
    socket.on('drain', () => this.#flushed())
  }

  /** Bytes of replies that the client has not taken yet: here and in the socket. Infinite when some were given up. */
  get bytes(): number {
    if (this.#hasOverflowed) return Number.POSITIVE_INFINITY
    return this.#waitingBytes + this.#outBytes + this.#socket.writableLength
  }

  get isIdle(): boolean {
    return this.#head === null && this.#outBytes === 0
  }

  /** A known reply in canonical form. */
  reply(reply: Buffer, protocol: 2 | 3, isSilent: boolean): void {
    if (this.#head !== null) {
      const pending = this.open(protocol, isSilent)
      pending.answer(reply)
      return
    }
    if (reply[0] === MINUS) this.#stats.countError(reply)
    if (!isSilent || reply[0] === PUSH) this.#emit(protocol === 2 ? toResp2(reply) : toResp3(reply))
    this.#touch()
  }

  /**
   * Bytes in the client's protocol that answer nothing. They leave behind the replies of all commands read before: what
   * is told of a change never comes before the reply that the change makes outdated.
   */
  push(bytes: Buffer): void {
    if (this.#head === null) {
      this.#emit(bytes)
      this.#touch()
      return
    }
    const pending = this.open(3, false)
    pending.isOpen = false
    pending.reply = bytes
    this.#waitingBytes += bytes.length
    this.#account()
  }

  /** Takes the next place in the order for a reply that comes later. */
  open(protocol: 2 | 3, isSilent: boolean): Pending {
    const pending = takePending()
    pending.queue = this
    pending.protocol = protocol
    pending.isSilent = isSilent
    pending.isOpen = true
    if (this.#tail === null) this.#head = pending
    else this.#tail.next = pending
    this.#tail = pending
    this.length++
    return pending
  }

  /** The same for a command of `bytes` that goes to the cluster. */
  openInFlight(protocol: 2 | 3, isSilent: boolean, inFlight: InFlight, bytes: number): Pending {
    const pending = this.open(protocol, isSilent)
    pending.inFlight = inFlight
    pending.bytes = bytes
    inFlight.add(bytes)
    return pending
  }

  resolve(pending: Pending, reply: Buffer): void {
    if (reply[0] === MINUS) this.#stats.countError(reply)
    if (this.#hasOverflowed) return
    const bytes = pending.protocol === 2 ? toResp2(reply) : toResp3(reply)
    pending.reply = bytes
    if (reply[0] === PUSH) pending.isSilent = false
    this.#waitingBytes += bytes.length
    if (pending === this.#head) this.#sweep()
    if (bytes.length < JOIN_BYTES) return
    // One turn can bring thousands of large replies.
    if (this.bytes > limits.replyQueueBytesMax) this.giveUp()
    else this.#account()
  }

  /** What waits is dropped, and what comes from here on is not even kept; the flush finds out. */
  giveUp(): void {
    this.#hasOverflowed = true
    for (let pending = this.#head; pending !== null; pending = pending.next) {
      if (pending.reply !== null) pending.reply = NOTHING
    }
    this.#out = NO_REPLIES
    this.#outBytes = 0
    this.#waitingBytes = 0
    this.#budget.count(this, 0)
    this.#touch()
  }

  review(): void {
    this.#onFlushed()
  }

  /** Writes what is ready. */
  flush(): void {
    this.#isDirty = false
    if (this.#outBytes > 0) {
      const out = this.#out
      this.#out = NO_REPLIES
      this.#stats.bytesOut += this.#outBytes
      writeAll(this.#socket, out, this.#outBytes)
      this.#outBytes = 0
    }
    this.#flushed()
  }

  /** Marks the queue as being in its connection's own turn, which ends with flush(). */
  hold(): void {
    this.#isDirty = true
  }

  /** The client is gone: replies that still come are dropped. */
  abandon(): void {
    for (let pending = this.#head; pending !== null; ) {
      const next = pending.next
      pending.queue = null
      pending.next = null
      if (!pending.isOpen) recycle(pending)
      pending = next
    }
    this.#head = null
    this.#tail = null
    this.#out = NO_REPLIES
    this.#outBytes = 0
    this.#waitingBytes = 0
    this.length = 0
    this.#budget.count(this, 0)
  }

  #flushed(): void {
    this.#account()
    this.#onFlushed()
  }

  /** Less than what makes a socket tell when it is empty again counts as nothing: nobody would take it back. */
  #account(): void {
    if (this.#hasOverflowed || this.#socket.destroyed) return
    const { bytes } = this
    const counted = bytes < this.#socket.writableHighWaterMark ? 0 : bytes
    if (counted !== this.counted) this.#budget.count(this, counted)
  }

  #sweep(): void {
    let pending = this.#head
    while (pending !== null && pending.reply !== null) {
      const next: Pending | null = pending.next
      this.#waitingBytes -= pending.reply.length
      if (!pending.isSilent) this.#emit(pending.reply)
      this.length--
      recycle(pending)
      pending = next
    }
    this.#head = pending
    if (pending === null) this.#tail = null
    this.#touch()
  }

  /** Most writes have one reply: an array that grows by push() would begin with room for many. */
  #emit(bytes: Buffer): void {
    if (this.#outBytes === 0) this.#out = [bytes]
    else this.#out.push(bytes)
    this.#outBytes += bytes.length
  }

  #touch(): void {
    if (this.#isDirty) return
    this.#isDirty = true
    this.#flushes.add(this)
  }
}

function writeAll(socket: Socket, buffers: readonly Buffer[], bytes: number): void {
  if (buffers.length === 1) {
    socket.write(buffers[0] as Buffer)
    return
  }
  if (bytes <= JOIN_BYTES) {
    socket.write(join(buffers, 0, buffers.length, bytes))
    return
  }
  socket.cork()
  let from = 0
  let size = 0
  for (let i = 0; i < buffers.length; i++) {
    const buffer = buffers[i] as Buffer
    if (buffer.length < JOIN_BYTES && size + buffer.length <= 4 * JOIN_BYTES) {
      size += buffer.length
      continue
    }
    if (size > 0) socket.write(join(buffers, from, i, size))
    if (buffer.length >= JOIN_BYTES) socket.write(buffer)
    from = buffer.length >= JOIN_BYTES ? i + 1 : i
    size = buffer.length >= JOIN_BYTES ? 0 : buffer.length
  }
  if (size > 0) socket.write(join(buffers, from, buffers.length, size))
  socket.uncork()
}

function join(buffers: readonly Buffer[], from: number, to: number, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes)
  let at = 0
  for (let i = from; i < to; i++) {
    const buffer = buffers[i] as Buffer
    if (buffer.length <= 32) for (let k = 0; k < buffer.length; k++) out[at + k] = buffer[k] as number
    else out.set(buffer, at)
    at += buffer.length
  }
  return out
}
