/**
 * Accepts the connections of one port, refuses those beyond the limit (R20), finds out what each speaks, and
 * hands it to the RESP connection or the HTTP server. Owns every socket of its port until it is closed.
 */
import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { setPatientTimer } from '../lib/patient-timer.ts'
import { limits } from '../protocol/limits.ts'
import type { Door } from './door.ts'
import { takePeer } from './peer-upgrade.ts'
import { RespConnection } from './resp/connection.ts'
import { TlsGate } from './security/tls-gate.ts'
import type { TlsPort } from './security/tls-port.ts'
import { sniff } from './sniffer.ts'
import { TextClients, textLanguage } from './text/clients.ts'

/** `all`: every route. `health`: health and metrics only. */
export type HttpScope = 'all' | 'health'
export type TakeHttp = (socket: Socket, scope: HttpScope, isTrusted: boolean) => void

const KEEP_ALIVE_MS = 300_000
/** How long a refused client may take to close its end. */
const REFUSED_MS = 1_000
const TOO_MANY = '-ERR max number of clients reached\r\n'
const DENIED =
  'this node takes clients beyond its own machine only with a password: start it with --password, ' +
  'or with --insecure if everyone who can reach it may read and change everything'
const STAR = 0x2a

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6')

export class Listener {
  readonly #door: Door
  readonly #scope: HttpScope
  readonly #takeHttp: TakeHttp
  readonly #server: Server
  readonly #sockets: Set<Socket>
  readonly #resp = new Set<RespConnection>()
  readonly #text: TextClients
  readonly #unknown = new Set<Socket>()
  readonly #gate: TlsGate
  /** Connections beyond the limit for clients that are kept free for other nodes, when these come here. */
  readonly #reserved: number
  readonly #forNodes = new WeakSet<Socket>()

  /** `sockets` counts the connections of all ports together. `tls` is null for a port without. */
  constructor(
    door: Door,
    scope: HttpScope,
    sockets: Set<Socket>,
    takeHttp: TakeHttp,
    tls: TlsPort | null = null,
  ) {
    this.#gate = new TlsGate(door, tls)
    this.#reserved = door.acceptPeer === null ? 0 : limits.peerConnections
    this.#door = door
    this.#text = new TextClients(door)
    this.#scope = scope
    this.#sockets = sockets
    this.#takeHttp = takeHttp
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    }
    this.#server = createServer(options, (socket) => this.#accept(socket))
  }

  /** Resolves to the bound port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, backlog: 511 }, () => {
        this.#server.removeListener('error', reject)
        this.#server.on('error', (error) =>
          this.#door.log('error', 'A listener failed', { error: String(error) }),
        )
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  stopAccepting(): void {
    this.#server.close()
  }

  /**
   * R17: RESP connections answer what they read and half-close; connections that said nothing yet are closed.
   */
  finish(): void {
    for (const socket of this.#unknown) socket.end()
    for (const connection of this.#resp) connection.finish()
    this.#text.finish()
  }

  #accept(socket: Socket): void {
    const { stats, tuning } = this.#door
    stats.connectionsReceived++
    const over = this.#sockets.size - tuning.maxClients
    if (over >= this.#reserved) return this.#refuseTooMany(socket)
    if (over >= 0) this.#reserve(socket)
    this.#sockets.add(socket)
    this.#unknown.add(socket)
    if (this.#gate.isOpen) this.#awaitFirstLine(socket)
    else this.#enter(socket)
  }

  #refuseTooMany(socket: Socket): void {
    this.#door.stats.connectionsRejected++
    refuse(this.#door, socket, TOO_MANY)
  }

  /** Clients must not keep the other nodes out: who comes now is one of these and says so soon, or is refused. */
  #reserve(socket: Socket): void {
    const cut = setPatientTimer(this.#door.clock, REFUSED_MS, () => {
      if (this.#unknown.has(socket)) socket.destroy()
    })
    this.#forNodes.add(socket)
    socket.once('close', () => cut.cancel())
  }

  /** Through TLS: the plain socket is what is counted and cut, the secured one is what is read. */
  #enter(socket: Socket): void {
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#unknown.delete(socket)
    })
    this.#gate.enter(socket, (ready) => {
      this.#unknown.delete(socket)
      this.#unknown.add(ready)
      this.#awaitFirstLine(ready)
      if (this.#door.isClosing) ready.end()
    })
  }

  #awaitFirstLine(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0)
    const forget = (): void => {
      this.#sockets.delete(socket)
      this.#unknown.delete(socket)
    }
    const fail = (): void => {
      socket.destroy()
    }
    const decided = (): void => {
      socket.removeListener('data', data)
      socket.removeListener('end', end)
      socket.removeListener('error', fail)
      this.#unknown.delete(socket)
      socket.pause()
    }
    const end = (): void => {
      // A line of text may come without its end; nothing else is complete here.
      if (seen.length === 0 || !this.#isText(seen)) return void socket.end()
      decided()
      this.#textClient(socket, seen, true)
    }
    const data = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      const speech = sniff(seen)
      if (speech === null) return
      decided()
      if (speech === 'resp' && !this.#forNodes.has(socket) && this.#isText(seen)) {
        return this.#textClient(socket, seen, false)
      }
      socket.unshift(seen)
      if (speech !== 'peer' && this.#forNodes.has(socket)) this.#refuseTooMany(socket)
      else if (speech === 'http') this.#http(socket)
      else if (speech === 'tls') this.#gate.refuseTls(socket)
      else if (speech === 'peer') takePeer(this.#door, socket, forget)
      else this.#respClient(socket)
    }
    socket.on('close', forget)
    socket.on('error', fail)
    socket.on('end', end)
    socket.on('data', data)
  }

  #http(socket: Socket): void {
    this.#takeHttp(socket, this.#scope, this.#isTrusted(socket))
    socket.resume()
  }

  /** Lines that are not RESP, where these have answers of their own (--inline). */
  #isText(seen: Buffer): boolean {
    return seen[0] !== STAR && textLanguage(this.#door) !== null
  }

  #textClient(socket: Socket, first: Buffer, hasEnded: boolean): void {
    const language = textLanguage(this.#door)
    if (language === null) return void socket.destroy()
    if (this.#isTrusted(socket)) return this.#text.take(socket, { language, first, hasEnded })
    this.#door.stats.connectionsRejected++
    refuse(this.#door, socket, `${language.failure('UNAUTHENTICATED', DENIED)}\n`)
  }

  #respClient(socket: Socket): void {
    if (!this.#isTrusted(socket)) {
      this.#door.stats.connectionsRejected++
      this.#door.log('warn', 'A client is refused: no password is set and it is not on this machine', {
        client: socket.remoteAddress,
      })
      refuse(this.#door, socket, `-DENIED ${DENIED}\r\n`)
      return
    }
    const connection: RespConnection = new RespConnection(this.#door, socket, () =>
      this.#resp.delete(connection),
    )
    this.#resp.add(connection)
    if (this.#door.isClosing) connection.finish()
    else socket.resume()
  }

  /** R19: without a password only this machine may talk. */
  #isTrusted(socket: Socket): boolean {
    const { config, hasPassword } = this.#door
    return config.insecure || hasPassword || isLoopback(socket.remoteAddress ?? '')
  }
}

export function isLoopback(address: string): boolean {
  const bare = address.split('%')[0] as string
  return bare !== '' && loopback.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4')
}

/** Says why and closes; a client that does not close in turn is cut. */
function refuse(door: Door, socket: Socket, text: string): void {
  const cut = door.clock.setTimer(REFUSED_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => cut.cancel())
  socket.end(text, 'latin1')
  socket.resume()
}
