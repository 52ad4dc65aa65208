/**
 * A Connection over a stream socket (TCP, or TLS over it). What is written during a turn leaves when the running
 * callback and what it queued with process.nextTick are done: in one write, small pieces copied together.
 */
import type { Socket } from 'node:net'
import type { Connection, PeerIdentity } from '../../transport/network.ts'

/** Pieces up to this size are copied together: cheaper than an entry of their own in a vectored write. */
const COPY_BYTES_MAX = 16 * 1024

export class RealConnection implements Connection {
  readonly remote: string
  readonly identity: PeerIdentity | null
  readonly #socket: Socket
  /** The TCP socket below a TLS one, else the same. */
  readonly #carrier: Socket
  #pending: Buffer[] = []
  #pendingBytes = 0
  #flushing = false
  #ending = false
  #closed = false
  #error: Error | null = null
  #closeHandler: ((error: Error | null) => void) | null = null
  #drainHandler: (() => void) | null = null

  /** The socket must be connected and have allowHalfOpen. */
  constructor(socket: Socket, carrier: Socket = socket, identity: PeerIdentity | null = null) {
    this.#socket = socket
    this.#carrier = carrier
    this.identity = identity
    this.remote = `${(socket.remoteAddress ?? '').replace(/^::ffff:/, '')}:${socket.remotePort ?? 0}`
    socket.setNoDelay(true)
    socket.on('error', (error) => {
      this.#error ??= error
    })
    socket.on('end', () => this.end())
    socket.on('close', () => {
      this.#closed = true
      this.#closeHandler?.(this.#error)
    })
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#pendingBytes + this.#socket.writableLength
  }

  onData(handler: (bytes: Buffer) => void): void {
    this.#socket.on('data', (bytes) => {
      if (!this.#closed) handler(bytes)
    })
  }

  onClose(handler: (error: Error | null) => void): void {
    this.#closeHandler = handler
  }

  onDrain(handler: () => void): void {
    this.#drainHandler = handler
  }

  write(bytes: Buffer): void {
    if (this.#closed || this.#ending || bytes.length === 0) return
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#flushing) return
    this.#flushing = true
    process.nextTick(this.#flush)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    if (this.#closed || this.#ending) return
    this.#ending = true
    this.#flush()
    this.#socket.end()
  }

  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pending = []
    this.#pendingBytes = 0
    // Only TCP can be reset.
    if ('encrypted' in this.#carrier) this.#carrier.destroy()
    else if (!this.#carrier.destroyed) this.#carrier.resetAndDestroy()
  }

  readonly #flush = (): void => {
    this.#flushing = false
    const pending = this.#pending
    if (pending.length === 0 || this.#closed) return
    this.#pending = []
    this.#pendingBytes = 0
    const pieces = pending.length === 1 ? pending : coalesce(pending)
    this.#socket.cork()
    for (let i = 0; i < pieces.length - 1; i++) this.#socket.write(pieces[i] as Buffer)
    this.#socket.write(pieces[pieces.length - 1] as Buffer, this.#onWritten)
    this.#socket.uncork()
  }

  readonly #onWritten = (): void => {
    if (!this.#closed && this.bufferedBytes === 0) this.#drainHandler?.()
  }
}

/** Joins runs of small buffers. */
function coalesce(buffers: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = []
  let small: Buffer[] = []
  const join = (): void => {
    if (small.length > 0) out.push(small.length === 1 ? (small[0] as Buffer) : Buffer.concat(small))
    small = []
  }
  for (const buffer of buffers) {
    if (buffer.length <= COPY_BYTES_MAX) {
      small.push(buffer)
      continue
    }
    join()
    out.push(buffer)
  }
  join()
  return out
}
