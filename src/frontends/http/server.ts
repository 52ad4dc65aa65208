/**
 * The HTTP door: fastify over sockets that the listeners hand in, so that one port can speak RESP and HTTP.
 * Checks every request before its route sees it (R18, R19); limits headers, bodies and patience (R20).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hostname } from 'node:os'
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { Door } from '../door.ts'
import type { HttpScope } from '../listener.ts'
import { healthRoutes } from './health.ts'
import { isCrossSiteChange, isKnownHost, knownHosts, passwordOf, type Refusal } from './safety.ts'

const HEADER_BYTES = 16 * 1024
const KEEP_ALIVE_MS = 75_000
/** How often node looks for slow clients. */
const CHECK_MS = 1_000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Health: for everyone, on every port, without a password. */
    isOpen?: boolean
  }
}

interface Origin {
  readonly scope: HttpScope
  readonly isTrusted: boolean
}

export class HttpDoor {
  readonly #door: Door
  readonly #server: Server
  readonly #origins = new WeakMap<Socket, Origin>()
  readonly #known: ReadonlySet<string>
  #handler: ((request: IncomingMessage, response: ServerResponse) => void) | null = null
  #app: FastifyInstance | null = null
  /** Connections that came before the routes were ready. */
  #early: (() => void)[] = []

  constructor(door: Door) {
    this.#door = door
    const { config } = door
    this.#known = knownHosts([
      hostname(),
      door.executor.status().name,
      config.host,
      config.advertiseHttp,
      config.advertiseRedis,
      ...config.allowedHosts,
    ])
    const headersTimeout = config.httpHeadersMs
    const connectionsCheckingInterval = Math.min(CHECK_MS, headersTimeout)
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES,
        connectionsCheckingInterval,
        headersTimeout,
        requestTimeout: 6 * headersTimeout,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => this.#handle(request, response),
    )
    this.#server.on('clientError', refuseBroken)
    // Starts node's watch over slow clients: it waits for this event, and the listeners bind the ports, not
    // this server.
    this.#server.emit('listening')
  }

  /** Serves HTTP on a socket whose bytes were put back. */
  readonly take = (socket: Socket, scope: HttpScope, isTrusted: boolean): void => {
    this.#origins.set(socket, { scope, isTrusted })
    const begin = (): void => {
      this.#server.emit('connection', socket)
    }
    if (this.#app !== null) begin()
    else this.#early.push(begin)
  }

  /** Loads fastify, which takes a moment: everything else of the node runs before. */
  async open(): Promise<void> {
    const { fastify } = await import('fastify')
    const app = fastify({
      serverFactory: (handler) => {
        this.#handler = handler
        return this.#server
      },
      bodyLimit: limits.valueBytes,
      exposeHeadRoutes: true,
      forceCloseConnections: false,
    })
    app.addHook('onRequest', (request, reply, next) => this.#check(request, reply, next))
    app.setNotFoundHandler((request, reply) => sendProblem(reply, notFound(request)))
    healthRoutes(app, this.#door)
    await app.ready()
    this.#app = app
    for (const begin of this.#early) begin()
    this.#early = []
  }

  /** R17: requests in execution are answered; connections close behind their answers. */
  finish(): void {
    this.#server.closeIdleConnections()
  }

  close(done: () => void): void {
    this.#server.close(() => done())
  }

  /** A request that was in execution when the doors began to close leaves an idle connection behind. */
  readonly #answered = (): void => {
    if (this.#door.isClosing) this.#door.clock.defer(() => this.#server.closeIdleConnections())
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    this.#door.stats.httpRequests++
    if (this.#door.isClosing) response.setHeader('connection', 'close')
    response.once('finish', this.#answered)
    this.#handler?.(request, response)
  }

  #check(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
    const refusal = this.#refusalOf(request)
    if (refusal === null) next()
    else sendProblem(reply, refusal)
  }

  #refusalOf(request: FastifyRequest): Refusal | null {
    const { headers, method } = request
    if (!isKnownHost(headers.host, this.#known)) {
      return {
        status: 421,
        code: 'UNKNOWN_HOST',
        detail: 'the Host header names another server; see --advertise',
      }
    }
    if (isCrossSiteChange(method, headers)) {
      return {
        status: 403,
        code: 'CROSS_SITE',
        detail: 'a page of another site may not change anything here',
      }
    }
    if (request.routeOptions.config.isOpen === true) return null
    return this.#strangerRefusal(request)
  }

  /** R19, for everything but health. */
  #strangerRefusal(request: FastifyRequest): Refusal | null {
    const origin = this.#origins.get(request.raw.socket)
    if (origin?.scope !== 'all') {
      return { status: 404, code: 'BAD_REQUEST', detail: 'this port serves health only; use the HTTP port' }
    }
    if (!origin.isTrusted) {
      return { status: 403, code: 'DENIED', detail: 'set a password, or start with --insecure' }
    }
    if (!this.#door.hasPassword) return null
    const given = passwordOf(request.headers.authorization)
    if (given !== null && this.#door.isPassword(given.user, given.password)) return null
    return { status: errors.UNAUTHENTICATED.http, code: 'UNAUTHENTICATED', detail: 'a password is required' }
  }
}

/** A request that could not be read: too slow, headers too large, or no HTTP. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  const statuses: Record<string, string> = {
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  }
  const status = statuses[error.code ?? ''] ?? '400 Bad Request'
  if (!socket.writable) socket.destroy()
  else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy())
}

/** RFC 9457. */
function sendProblem(reply: FastifyReply, refusal: Refusal): void {
  if (refusal.status === 401) reply.header('www-authenticate', 'Bearer, Basic realm="kvorum"')
  reply
    .code(refusal.status)
    .type('application/problem+json')
    .send({ title: refusal.detail, status: refusal.status, code: refusal.code, retryable: false })
}

function notFound(request: FastifyRequest): Refusal {
  return {
    status: 404,
    code: 'NOT_FOUND',
    detail: `there is nothing at ${request.method} ${request.url.split('?')[0]}`,
  }
}
