/**
 * One end of a simulated connection: the program's side (write, handlers) and its kernel's (send window,
 * receive buffer). The kernel's side goes on while the process is paused; the program is called in turns of
 * its own.
 */
import { assert, must } from '../../lib/assert.ts'
import { codedError } from '../../lib/coded-error.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { Random } from '../../lib/random.ts'
import type { Connection } from '../../transport/network.ts'
import type { Packet, SimStream } from './link.ts'
import type { SimProcess } from './process.ts'

export interface ConnectionOptions {
  readonly process: SimProcess
  readonly remote: string
  readonly random: Random
  /** Bytes sent and not yet read by the other program. */
  readonly windowBytes: number
  /** Whether arriving bytes are cut at random places, or handed over as they were flushed. */
  readonly segmentation: 'random' | 'none'
  /** Probability that the connection breaks when bytes arrive. */
  readonly resetRate: () => number
  readonly onClosed: (connection: SimConnection) => void
}

interface Pending {
  readonly bytes: Buffer
  readonly checksum: number
}

export class SimConnection implements Connection {
  readonly remote: string
  readonly #options: ConnectionOptions
  readonly #process: SimProcess
  #out: SimStream | null = null
  #peer: SimConnection | null = null
  #dataHandler: ((bytes: Buffer) => void) | null = null
  #closeHandler: ((error: Error | null) => void) | null = null
  #drainHandler: (() => void) | null = null
  /** Written by the program, not yet taken by the kernel. */
  #pending: Pending[] = []
  #pendingOffset = 0
  #bufferedBytes = 0
  #flushing = false
  #drainDue = false
  /** Sent and not yet known to be read by the peer's program. */
  #unreadByPeer = 0
  /** Received and not yet read by the program. */
  #received: Buffer[] = []
  #reading = false
  #paused = false
  #ending = false
  #endSent = false
  #endReceived = false
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#process = options.process
    this.remote = options.remote
  }

  /** For SimNetwork: joins the two ends. */
  attach(out: SimStream, peer: SimConnection): void {
    this.#out = out
    this.#peer = peer
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  onData(handler: (bytes: Buffer) => void): void {
    this.#dataHandler = handler
    this.#read()
  }

  onClose(handler: (error: Error | null) => void): void {
    this.#closeHandler = handler
  }

  onDrain(handler: () => void): void {
    this.#drainHandler = handler
  }

  write(bytes: Buffer): void {
    if (this.#closed || this.#ending || bytes.length === 0) return
    this.#pending.push({ bytes, checksum: crc32(bytes) })
    this.#bufferedBytes += bytes.length
    this.#flushAtTurnEnd()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#read()
  }

  end(): void {
    if (this.#closed || this.#ending) return
    this.#ending = true
    this.#flushAtTurnEnd()
  }

  destroy(): void {
    if (this.#closed) return
    this.#out?.send('reset')
    this.#close(null)
  }

  /** The connection broke, as this end sees it. */
  fail(code: string): void {
    if (!this.#closed) this.#close(codedError(code, `connection to ${this.remote}`))
  }

  /** The process was killed: its kernel says so (or, without power, does not). */
  abandon(farewell: 'end' | 'reset' | 'silent'): void {
    if (this.#closed) return
    if (farewell !== 'silent') this.#out?.send(farewell)
    this.#close(null)
  }

  /** A packet arrived at this host. */
  receive(packet: Packet): void {
    if (packet === 'reset') {
      this.#received = []
      this.fail('ECONNRESET')
      return
    }
    if (this.#closed) {
      // Nobody has this connection any more: the kernel says so.
      this.#out?.send('reset')
      return
    }
    if (this.#options.random.float() < this.#options.resetRate()) {
      this.#out?.send('reset')
      this.fail('ECONNRESET')
      return
    }
    if (packet === 'end') this.#endReceived = true
    else this.#received.push(packet)
    this.#read()
  }

  /** The peer's program read `bytes` of ours. */
  #acknowledge(bytes: number): void {
    this.#unreadByPeer -= bytes
    if (this.#bufferedBytes > 0 || (this.#ending && !this.#endSent)) this.#flushAtTurnEnd()
  }

  #flushAtTurnEnd(): void {
    if (this.#flushing || this.#out === null) return
    this.#flushing = true
    this.#process.world.atTurnEnd(() => {
      this.#flushing = false
      if (!this.#closed) this.#flush()
    })
  }

  #flush(): void {
    const room = this.#options.windowBytes - this.#unreadByPeer
    const bytes = this.#take(Math.min(room, this.#bufferedBytes))
    if (bytes.length > 0) {
      this.#unreadByPeer += bytes.length
      this.#bufferedBytes -= bytes.length
      must(this.#out, 'stream').send(bytes)
      if (this.#bufferedBytes === 0) this.#scheduleDrain()
    }
    if (this.#ending && !this.#endSent && this.#bufferedBytes === 0) {
      this.#endSent = true
      must(this.#out, 'stream').send('end')
      if (this.#endReceived) this.#close(null)
    }
  }

  /** A copy of the next `length` pending bytes: the kernel's own. */
  #take(length: number): Buffer {
    const out = Buffer.allocUnsafe(length)
    let at = 0
    while (at < length) {
      const { bytes, checksum } = must(this.#pending[0], 'pending bytes')
      const from = this.#pendingOffset
      if (from === 0)
        assert(crc32(bytes) === checksum, 'Bytes given to write() were changed before they were sent')
      const copied = bytes.copy(out, at, from, from + length - at)
      at += copied
      this.#pendingOffset = from + copied
      if (this.#pendingOffset < bytes.length) continue
      this.#pending.shift()
      this.#pendingOffset = 0
    }
    return out
  }

  #scheduleDrain(): void {
    if (this.#drainDue || this.#drainHandler === null) return
    this.#drainDue = true
    this.#process.schedule(0, 'drain', () => {
      this.#drainDue = false
      if (this.#bufferedBytes === 0 && !this.#closed) this.#drainHandler?.()
    })
  }

  /** Sees to it that the program reads what is there, in a turn of its own. */
  #read(): void {
    if (this.#reading || this.#closed || this.#paused || this.#dataHandler === null) return
    if (this.#received.length === 0 && !this.#endReceived) return
    this.#reading = true
    this.#process.schedule(0, 'data', this.#deliver)
  }

  readonly #deliver = (): void => {
    this.#reading = false
    if (this.#closed || this.#paused) return
    if (this.#received.length === 0) {
      if (this.#endReceived) this.#onEnd()
      return
    }
    const chunk = this.#nextChunk()
    this.#process.world.mix(crc32(chunk))
    this.#confirm(chunk.length)
    this.#dataHandler?.(chunk)
    this.#read()
  }

  /** Segmentation by the network: a cut anywhere, or several flushes in one piece. */
  #nextChunk(): Buffer {
    const first = must(this.#received[0], 'received bytes')
    if (this.#options.segmentation === 'none') {
      this.#received.shift()
      return first
    }
    const all = this.#received.length === 1 ? first : Buffer.concat(this.#received)
    const random = this.#options.random
    const cut = random.below(4) === 0 ? 1 + random.below(all.length) : all.length
    this.#received = cut === all.length ? [] : [all.subarray(cut)]
    return all.subarray(0, cut)
  }

  /** Tells the peer's kernel that its bytes were read; the news waits while the way back is blocked. */
  #confirm(bytes: number): void {
    const peer = must(this.#peer, 'peer')
    const confirm = (): void => {
      if (this.#out?.linkBlocked && !this.#closed) this.#process.world.schedule(100, 'ack retry', confirm)
      else peer.#acknowledge(bytes)
    }
    confirm()
  }

  /** The peer sends no more: what is left here is sent, then this end closes too. */
  #onEnd(): void {
    if (this.#endSent) {
      this.#close(null)
      return
    }
    this.#ending = true
    this.#flushAtTurnEnd()
  }

  #close(error: Error | null): void {
    this.#closed = true
    this.#pending = []
    this.#received = []
    this.#bufferedBytes = 0
    this.#options.onClosed(this)
    this.#process.schedule(0, 'close', () => this.#closeHandler?.(error))
  }
}
