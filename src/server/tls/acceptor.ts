/**
 * The server side of TLS for one port: handshakes on sockets that others accepted. What strangers can make a node do is
 * bounded: each handshake has a deadline, there are at most `handshakesMax` of them (the oldest gives way, so that a
 * flood of silent connections keeps nobody out), and no more than a few begin in one turn of the loop.
 */
import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../../lib/clock.ts'
import { setPatientTimer } from '../../lib/patient-timer.ts'
import { limits } from '../../protocol/limits.ts'
import type { TlsMaterial } from './material.ts'
import { handshakeFailure } from './reasons.ts'

/** Whether the other side must show a certificate: not asked for, verified when shown, or demanded. */
export type ClientCertificates = 'none' | 'optional' | 'required'

export interface AcceptorOptions {
  readonly clock: Clock
  readonly material: TlsMaterial
  readonly clients: ClientCertificates
  readonly handshakeMs: number
  /** Application protocol (RFC 7301), e.g. 'http/1.1'; '' = none. */
  readonly protocol: string
  /** What a client is told, over TLS, whose certificate is missing or no good; '' = nothing. */
  readonly refusal: string
  /** Why a connection was refused. */
  readonly onRefused: (remote: string, reason: string) => void
}

/** How long a refused client may take to close its end. */
const REFUSED_MS = 1_000

interface Pending {
  readonly socket: Socket
  readonly remote: string
  readonly timer: Timer
  readonly done: (secured: TLSSocket) => void
}

export class TlsAcceptor {
  readonly #options: AcceptorOptions
  readonly #server: Server
  /** By both ends of the connection, oldest first. */
  readonly #pending = new Map<string, Pending>()

  constructor(options: AcceptorOptions) {
    this.#options = options
    const { material, clients, handshakeMs, protocol } = options
    this.#server = createServer({
      ...material.options,
      requestCert: clients !== 'none',
      // Judged in #certificateRefusal, where the reason is known and can be told.
      rejectUnauthorized: false,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      // Far behind the deadline here, which knows what to say, and leaves out when this process stood still.
      handshakeTimeout: 10 * handshakeMs,
      allowHalfOpen: true,
      ...(protocol === '' ? {} : { ALPNProtocols: [protocol] }),
    })
    this.#server.on('secureConnection', (socket) => this.#secured(socket))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket))
  }

  /** Handshakes that are not finished. */
  get handshakes(): number {
    return this.#pending.size
  }

  /** Calls `cut` when a handshake that begins now has taken too long. */
  whenTooLong(cut: () => void): Timer {
    return setPatientTimer(this.#options.clock, this.#options.handshakeMs, cut)
  }

  /** Handshakes from now on use another certificate; connections that stand are not touched. */
  renew(material: TlsMaterial): void {
    this.#server.setSecureContext(material.options)
  }

  /**
   * `done` is called when the other side has proven what it must; otherwise the socket is closed. Bytes that came
   * before must have been put back.
   */
  secure(socket: Socket, done: (secured: TLSSocket) => void): void {
    const key = keyOf(socket)
    if (key === null) return void socket.destroy()
    this.#makeRoom()
    const remote = remoteOf(socket)
    const timer = this.whenTooLong(() => {
      this.#refuse(key, `the TLS handshake was not finished within ${this.#options.handshakeMs} ms`)
    })
    this.#pending.set(key, { socket, remote, timer, done })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#forget(key, socket))
    whenReadable(socket, () => startPaced(() => this.#begin(key, socket)))
  }

  #begin(key: string, socket: Socket): boolean {
    if (this.#pending.get(key)?.socket !== socket || socket.destroyed) return false
    this.#server.emit('connection', socket)
    return true
  }

  #secured(secured: TLSSocket): void {
    const key = keyOf(secured)
    const pending = key === null ? undefined : this.#pending.get(key)
    if (key === null || pending === undefined) return void secured.destroy()
    this.#forget(key, pending.socket)
    const reason = this.#certificateRefusal(secured)
    if (reason === null) return pending.done(secured)
    this.#options.onRefused(pending.remote, reason)
    sayGoodbye(secured, this.#options.refusal)
  }

  /** Why the other side may not come in, or null. */
  #certificateRefusal(secured: TLSSocket): string | null {
    const { clients } = this.#options
    if (clients === 'none' || secured.authorized) return null
    if (hasCertificate(secured)) return handshakeFailure(new Error('its certificate is refused'), secured)
    return clients === 'required' ? 'it showed no certificate' : null
  }

  #failed(error: NodeJS.ErrnoException, secured: TLSSocket): void {
    const key = keyOf(secured)
    if (key !== null && this.#pending.has(key)) this.#refuse(key, handshakeFailure(error, secured))
    secured.destroy()
  }

  #refuse(key: string, reason: string): void {
    const pending = this.#pending.get(key)
    if (pending === undefined) return
    this.#forget(key, pending.socket)
    pending.socket.destroy()
    this.#options.onRefused(pending.remote, reason)
  }

  #forget(key: string, socket: Socket): void {
    const pending = this.#pending.get(key)
    if (pending?.socket !== socket) return
    pending.timer.cancel()
    this.#pending.delete(key)
  }

  #makeRoom(): void {
    if (this.#pending.size < limits.tlsHandshakes) return
    for (const key of this.#pending.keys()) {
      return this.#refuse(key, 'too many TLS handshakes at a time: the oldest gave way')
    }
  }
}

/** A client that does not close its end is cut. */
function sayGoodbye(secured: TLSSocket, text: string): void {
  if (text === '') return void secured.destroy()
  secured.on('error', () => secured.destroy())
  secured.setTimeout(REFUSED_MS, () => secured.destroy())
  secured.end(text)
  secured.resume()
}

function hasCertificate(socket: TLSSocket): boolean {
  return Object.keys(socket.getPeerCertificate() ?? {}).length > 0
}

/** The same for a socket and what secures it; null when it is closed already. */
function keyOf(socket: Socket): string | null {
  const { remoteAddress, remotePort, localPort } = socket
  return remoteAddress === undefined ? null : `${remoteAddress} ${remotePort} ${localPort}`
}

function remoteOf(socket: Socket): string {
  return `${(socket.remoteAddress ?? '').replace(/^::ffff:/, '')}:${socket.remotePort ?? 0}`
}

/** A side that says nothing costs no handshake. */
function whenReadable(socket: Socket, then: () => void): void {
  if (socket.readableLength > 0) return then()
  socket.once('data', (bytes: Buffer) => {
    socket.pause()
    socket.unshift(bytes)
    then()
  })
}

/** A handshake costs about half a millisecond, all in one go: a crowd of them must not hold up the loop. */
const STARTS_PER_TURN = 4
const waiting: (() => boolean)[] = []

/** `start` says whether it began something: connections that are gone by then cost nothing. */
function startPaced(start: () => boolean): void {
  if (waiting.push(start) === 1) setImmediate(startSome)
}

function startSome(): void {
  let started = 0
  let taken = 0
  while (started < STARTS_PER_TURN && taken < waiting.length) if (waiting[taken++]?.() === true) started++
  waiting.splice(0, taken)
  if (waiting.length > 0) setImmediate(startSome)
}
