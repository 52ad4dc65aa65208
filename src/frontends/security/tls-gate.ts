/**
 * What a port with TLS does with a new connection before anything is served on it: a handshake, or, for one that speaks
 * plain text, service where the port is told so and otherwise an answer that says what is spoken here.
 */
import type { Socket } from 'node:net'
import { setPatientTimer } from '../../lib/patient-timer.ts'
import { isTls } from '../../lib/tls-record.ts'
import { RefusalReporter } from '../../transport/refusal-reporter.ts'
import { peerOf } from '../connection/ends.ts'
import type { Door } from '../door.ts'
import { rawProblem } from '../http/problem.ts'
import { sniff } from '../sniffer.ts'
import type { TlsPort } from './tls-port.ts'

/** How long a refused client may take to close its end. */
const REFUSED_MS = 1_000
const WANTS_TLS = 'this port speaks TLS'

export class TlsGate {
  readonly #door: Door
  readonly #port: TlsPort | null
  readonly #refusals: RefusalReporter

  /** `port` is null for one that speaks plain text only. */
  constructor(door: Door, port: TlsPort | null) {
    this.#door = door
    this.#port = port
    this.#refusals = new RefusalReporter(door.clock, (client, reason) =>
      door.log('warn', 'A client is refused', { client, reason }),
    )
  }

  /** Everything that is not TLS is served as it comes. */
  get isOpen(): boolean {
    return this.#port === null
  }

  /** Calls `serve` with the socket to read from: the secured one, or the same where plain text is taken. */
  enter(socket: Socket, serve: (socket: Socket) => void): void {
    const port = this.#port
    if (port === null) return serve(socket)
    if (!port.takesPlain && socket.readableLength === 0) this.#awaitBytes(socket)
    let seen: Buffer = Buffer.alloc(0)
    const fail = (): void => void socket.destroy()
    const data = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      const isSecure = isTls(seen)
      if (isSecure === null) return
      socket.off('data', data)
      socket.off('error', fail)
      socket.off('end', fail)
      socket.pause()
      if (!isSecure && !port.takesPlain) return this.#refusePlain(socket, seen)
      socket.unshift(seen)
      if (isSecure) return port.secure(socket, serve)
      serve(socket)
      socket.resume()
    }
    socket.on('error', fail)
    socket.on('end', fail)
    socket.on('data', data)
  }

  /** A client speaks TLS to a port, or within a connection, that does not. */
  refuseTls(socket: Socket): void {
    const reason = 'it speaks TLS, which is not spoken here: give the node --tls-cert and --tls-key'
    this.#refuse(socket, reason, '')
  }

  #refusePlain(socket: Socket, bytes: Buffer): void {
    const isHttp = sniff(bytes) === 'http'
    const text = isHttp
      ? rawProblem('PROTOCOL', 'Bad Request', `${WANTS_TLS}: use https://`)
      : `-ERR ${WANTS_TLS}: connect with rediss:// (redis-cli --tls)\r\n`
    this.#refuse(socket, 'it speaks plain text to a port with TLS', text)
  }

  #refuse(socket: Socket, reason: string, answer: string): void {
    this.#door.stats.connectionsRejected++
    this.#refusals.refused(peerOf(socket), reason)
    const cut = this.#door.clock.setTimer(REFUSED_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => cut.cancel())
    socket.end(answer)
    socket.resume()
  }

  /** A connection that says nothing gets as long as a handshake may take. */
  #awaitBytes(socket: Socket): void {
    const { clock, config } = this.#door
    const cut = setPatientTimer(clock, config.tlsHandshakeMs, () => socket.destroy())
    const cancel = (): void => {
      cut.cancel()
      socket.off('data', cancel)
      socket.off('close', cancel)
    }
    socket.on('data', cancel)
    socket.on('close', cancel)
  }
}
