/** The real Network: TCP through node:net, with TLS over it when the node has a certificate. */
import { createConnection, createServer, type Socket } from 'node:net'
import { codedError } from '../../lib/coded-error.ts'
import { isTls } from '../../lib/tls-record.ts'
import { limits } from '../../protocol/limits.ts'
import type { Callback } from '../../storage/disk.ts'
import type { Address, Connection, Listener, Network } from '../../transport/network.ts'
import { identityOf, type PeerTls, peek } from '../tls/peer-tls.ts'
import { handshakeFailure } from '../tls/reasons.ts'
import { askForUpgrade } from './peer-upgrade-client.ts'
import { RealConnection } from './real-connection.ts'

export class RealNetwork implements Network {
  readonly #tls: PeerTls | null
  /** Connections of which nothing was heard yet, oldest first. */
  readonly #silent = new Set<Socket>()

  constructor(tls: PeerTls | null = null) {
    this.#tls = tls
  }

  /** Port 0 takes a free one. */
  listen(address: Address, onConnection: (connection: Connection) => void, done: Callback<Listener>): void {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket, onConnection)
    })
    const onError = (error: Error): void => done(error, undefined as never)
    server.once('error', onError)
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      server.off('error', onError)
      // Out of descriptors while accepting: that connection is lost, the listener is not.
      server.on('error', () => {})
      const bound = server.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
      const close = (closed: Callback): void => {
        // The server's own callback waits for the connections too; they are not the listener's.
        server.close()
        setImmediate(() => closed(null))
      }
      done(null, { port, close })
    })
  }

  connect(address: Address, timeoutMs: number, done: Callback<Connection>): void {
    new Dial(this.#tls, address, timeoutMs, done).start()
  }

  #accept(socket: Socket, onConnection: (connection: Connection) => void): void {
    const tls = this.#tls
    if (tls === null) return onConnection(new RealConnection(socket))
    const secure = (): void => {
      tls.acceptor.secure(socket, (secured) => {
        onConnection(new RealConnection(secured, socket, identityOf(secured.getPeerCertificate())))
      })
    }
    if (!tls.takesPlain) return secure()
    // A dialler speaks first, in either way; one that says nothing gets the time of a handshake.
    const isKnown = (bytes: Buffer): boolean => isTls(bytes) !== null
    const timer = tls.acceptor.whenTooLong(() => socket.destroy())
    const cancel = (): void => {
      timer.cancel()
      this.#silent.delete(socket)
    }
    const onError = (): void => void socket.destroy()
    socket.once('close', cancel)
    socket.on('error', onError)
    this.#keepSilent(socket)
    peek(socket, isKnown, (bytes) => {
      cancel()
      socket.off('close', cancel)
      if (isTls(bytes) === true) return secure()
      socket.off('error', onError)
      onConnection(new RealConnection(socket))
      socket.resume()
    })
  }

  /** R20: the oldest gives way. */
  #keepSilent(socket: Socket): void {
    this.#silent.add(socket)
    if (this.#silent.size <= limits.tlsHandshakes) return
    for (const oldest of this.#silent) return void oldest.destroy()
  }
}

/** One attempt to connect: TCP, then TLS where it is spoken, all within one time limit. */
class Dial {
  readonly #tls: PeerTls | null
  readonly #address: Address
  readonly #done: Callback<Connection>
  readonly #timer: NodeJS.Timeout
  #socket: Socket | null = null
  #isSettled = false

  constructor(tls: PeerTls | null, address: Address, timeoutMs: number, done: Callback<Connection>) {
    this.#tls = tls
    this.#address = address
    this.#done = done
    this.#timer = setTimeout(() => {
      this.#fail(codedError('ETIMEDOUT', `connect to ${address.host}:${address.port}`))
    }, timeoutMs)
  }

  start(): void {
    const tls = this.#tls
    this.#connect((socket) => {
      if (this.#address.isHttp === true) this.#upgrade(socket)
      else if (tls === null) this.#succeed(new RealConnection(socket))
      else this.#secure(tls, socket)
    })
  }

  /** The HTTP port there takes nodes in plain text only (server/config.ts refuses other settings). */
  #upgrade(socket: Socket): void {
    const { host, port } = this.#address
    const failed = (error: Error): void => this.#fail(error)
    const ended = (): void => this.#fail(codedError('ECONNRESET', `${host}:${port} hung up`))
    socket.once('error', failed)
    socket.once('end', ended)
    askForUpgrade(socket, `${host}:${port}`, (error) => {
      if (this.#isSettled) return
      socket.off('error', failed)
      socket.off('end', ended)
      if (error !== null) return this.#fail(error)
      this.#succeed(new RealConnection(socket))
      // It was paused: what came behind the answer belongs to the connection.
      socket.resume()
    })
  }

  #connect(then: (socket: Socket) => void): void {
    const { host, port } = this.#address
    const socket = createConnection({ host, port, allowHalfOpen: true, noDelay: true })
    this.#socket = socket
    const onError = (error: Error): void => this.#fail(error)
    socket.once('error', onError)
    socket.once('connect', () => {
      socket.off('error', onError)
      then(socket)
    })
  }

  #secure(tls: PeerTls, socket: Socket): void {
    const { host, port } = this.#address
    tls.dialler.secure(socket, host, (error, secured, cert) => {
      if (this.#isSettled) return
      if (error === null) return this.#succeed(new RealConnection(secured, socket, identityOf(cert)))
      if (tls.takesPlain) return this.#connectPlain(socket)
      tls.onRefused(`${host}:${port}`, `dialled: ${handshakeFailure(error, secured)}`)
      this.#fail(error)
    })
  }

  /** --tls-peer both: this peer is not told to speak TLS yet. */
  #connectPlain(failed: Socket): void {
    discard(failed)
    this.#connect((socket) => this.#succeed(new RealConnection(socket)))
  }

  #succeed(connection: Connection): void {
    clearTimeout(this.#timer)
    this.#isSettled = true
    this.#done(null, connection)
  }

  #fail(error: Error): void {
    if (this.#isSettled) return
    clearTimeout(this.#timer)
    this.#isSettled = true
    if (this.#socket !== null) discard(this.#socket)
    this.#done(error, undefined as never)
  }
}

/** An error of the dying socket has no listener any more, and is nobody's business. */
function discard(socket: Socket): void {
  socket.on('error', () => {})
  socket.destroy()
}
