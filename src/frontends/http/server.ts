/**
 * The HTTP door: fastify over sockets that the listeners hand in, so that one port can speak RESP and HTTP.
 * Checks every request before its route sees it (R18, R19); limits headers, bodies and patience (R20).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hostname } from 'node:os'
import type { Duplex } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../lib/clock.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { Door } from '../door.ts'
import type { HttpScope } from '../listener.ts'
import { BodyBudget } from './body-budget.ts'
import { Cors } from './cors.ts'
import { HttpClient } from './http-client.ts'
import { Pipeline, type Run } from './pipeline.ts'
import { logFailure, ProblemError, prepareProblem, rawProblem, sendProblem } from './problem.ts'
import { MethodTable, routedUrl, routePlugins } from './routes.ts'
import {
  bareHost,
  hasTwoHosts,
  isCrossSiteChange,
  isKnownHost,
  isSafe,
  isStrangelyCoded,
  knownHosts,
  passwordOf,
  type Refusal,
  STRANGELY_CODED,
  toOriginForm,
} from './safety.ts'

const HEADER_BYTES = 16 * 1024
/** How many good Host headers are remembered. */
const GOOD_HOSTS = 64
const KEEP_ALIVE_MS = 75_000
/** How long a client whose request was broken may take to close its end. */
const LINGER_MS = 1_000
/** How often node looks for slow clients. */
const CHECK_MS = 1_000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Health: for everyone, on every port, without a password. */
    isOpen?: boolean
    /** Served on the Redis port, too; else as every other route. */
    isOnEveryPort?: boolean
  }
}

interface Origin {
  readonly client: HttpClient
  readonly scope: HttpScope
  readonly isTrusted: boolean
  readonly pipeline: Pipeline
}

export class HttpDoor {
  readonly #door: Door
  readonly #server: Server
  readonly #origins = new WeakMap<Socket, Origin>()
  readonly #known: ReadonlySet<string>
  /** Host headers that were found to be good. */
  readonly #goodHosts = new Set<string>()
  readonly #cors: Cors
  readonly #bodies = new BodyBudget()
  #handler: ((request: IncomingMessage, response: ServerResponse) => void) | null = null
  readonly #methods = new MethodTable()
  #app: FastifyInstance | null = null
  /** Requests whose clients wait for '100 Continue' before they send a body. */
  readonly #expecting = new WeakSet<IncomingMessage>()
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
    this.#cors = new Cors(config.corsOrigins)
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
      this.#arrive,
    )
    // Without a byte in either direction for so long a connection is cut: its client does not take its answer.
    this.#server.timeout = 12 * headersTimeout
    this.#server.on('connect', (request: IncomingMessage) => {
      request.socket.on('error', () => request.socket.destroy())
      this.#breakOff(request.socket, rawProblem('PROTOCOL', 'Bad Request', 'this is not a proxy'))
    })
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      this.#expecting.add(request)
      this.#arrive(request, response)
    })
    // RFC 9110, 10.1.1: other expectations are none of ours.
    this.#server.on('checkExpectation', this.#arrive)
    // Starts node's watch over slow clients: it waits for this event, and the listeners bind the ports, not
    // this server.
    this.#server.emit('listening')
  }

  /** Serves HTTP on a socket whose bytes were put back. */
  readonly take = (socket: Socket, scope: HttpScope, isTrusted: boolean): void => {
    const { stats, clients } = this.#door
    const client = new HttpClient(this.#door, socket)
    this.#origins.set(socket, { client, scope, isTrusted, pipeline: new Pipeline(this.#handle) })
    clients.add(client)
    stats.httpConnections++
    socket.once('close', () => {
      stats.httpConnections--
      clients.delete(client)
    })
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
      rewriteUrl: (request) => routedUrl(request.url ?? '/'),
      routerOptions: { maxParamLength: HEADER_BYTES },
      // Set here, for fastify would answer, too.
      clientErrorHandler: (error, socket) => this.#broken(error, socket),
      frameworkErrors: (error, _request, reply) => this.#failed(error, reply),
    })
    app.addHook('onRequest', (request, reply, next) => this.#check(request, reply, next))
    app.addHook('onSend', (_request, reply, payload, next) => {
      this.#send(reply, payload, next)
    })
    app.addHook('onResponse', (request, reply, next) => {
      const { url } = request.routeOptions
      this.#door.stats.http.answered(request.method, url, reply.statusCode, reply.elapsedTime / 1000)
      next()
    })
    app.addHook('onRoute', (route) => this.#methods.add(route.url, [route.method].flat()))
    app.setNotFoundHandler((request, reply) => this.#notFound(request, reply))
    app.setErrorHandler((error: FastifyError, _request, reply) => this.#failed(error, reply))
    for (const plugin of routePlugins) {
      app.register((scope, _options, done) => {
        plugin(scope, this.#door)
        done()
      })
    }
    await app.ready()
    this.#app = app
    for (const begin of this.#early) begin()
    this.#early = []
  }

  /** R17: requests in execution are answered; connections close behind their answers. */
  finish(): void {
    for (const end of this.#door.endings) end()
    this.#server.closeIdleConnections()
  }

  close(done: () => void): void {
    this.#server.close(() => done())
  }

  /** A request that was in execution when the doors began to close leaves an idle connection behind. */
  readonly #answered = (): void => {
    if (this.#door.isClosing) this.#door.clock.defer(() => this.#server.closeIdleConnections())
  }

  readonly #arrive: Run = (request, response) => {
    this.#door.stats.httpRequests++
    const origin = this.#origins.get(request.socket)
    origin?.client.sends(request.method ?? '')
    origin?.pipeline.add(request, response)
  }

  readonly #handle: Run = (request, response) => {
    if (this.#door.isClosing) response.setHeader('connection', 'close')
    response.once('finish', this.#answered)
    if (!request.url?.startsWith('/')) toOriginForm(request)
    this.#handler?.(request, response)
  }

  /** A request could not be read: too slow, headers too large, or no HTTP. */
  readonly #broken = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    // Behind 'Connection: close' there are no requests; the connection ends with the answer to that one.
    if (error.code !== 'HPE_CLOSED_CONNECTION') this.#breakOff(socket as Socket, brokenAnswer(error.code))
  }

  /** Ends the connection with `answer`, behind the answers to what came before. */
  #breakOff(socket: Socket, answer: string): void {
    const origin = this.#origins.get(socket)
    if (!socket.writable || origin === undefined) return void socket.destroy()
    const { clock, config } = this.#door
    const cut = clock.setTimer(config.httpHeadersMs, () => socket.destroy())
    socket.once('close', () => cut.cancel())
    origin.pipeline.breakOff(socket, () => endWith(clock, socket, answer))
  }

  #check(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
    if (this.#cors.answer(request, reply)) return
    const isStrange = isStrangelyCoded(request.raw)
    const refusal = isStrange ? STRANGELY_CODED : this.#refusalOf(request)
    if (refusal === null) return this.#admit(request, reply, next)
    if (isStrange) reply.header('connection', 'close')
    else this.#sendsNoBody(request, reply)
    sendProblem(reply, refusal.code, refusal.detail)
  }

  /** A client that waits before it sends its body is told: not to, and that nothing else is read behind it. */
  #sendsNoBody({ raw }: FastifyRequest, reply: FastifyReply): void {
    if (this.#expecting.has(raw)) reply.header('connection', 'close')
  }

  #admit(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    if (this.#bodies.admit(request.raw, reply.raw)) {
      const bytes = Number(request.headers['content-length'] ?? 0)
      if (request.is404 || bytes > request.routeOptions.bodyLimit) this.#sendsNoBody(request, reply)
      else if (this.#expecting.has(request.raw)) reply.raw.writeContinue()
      return next()
    }
    this.#sendsNoBody(request, reply)
    sendProblem(reply, 'OVERLOADED', 'too many large requests are under way at this node')
  }

  #refusalOf(request: FastifyRequest): Refusal | null {
    const { headers, method } = request
    if (hasTwoHosts(request.raw.rawHeaders))
      return { code: 'BAD_REQUEST', detail: 'there are two Host headers' }
    if (!this.#isKnown(headers.host)) {
      return { code: 'UNKNOWN_HOST', detail: 'the Host header names another server; see --advertise-http' }
    }
    if (!this.#cors.isAllowed(headers.origin) && isCrossSiteChange(method, headers)) {
      return { code: 'CROSS_SITE', detail: 'a page of another site may not change anything here' }
    }
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      return { code: 'UNSUPPORTED_TYPE', detail: 'bodies are taken as they are, without Content-Encoding' }
    }
    if (request.routeOptions.config.isOpen === true) return null
    return this.#strangerRefusal(request)
  }

  /** Clients send the same few names again and again. */
  #isKnown(host: string | undefined): boolean {
    if (host !== undefined && this.#goodHosts.has(host)) return true
    if (!isKnownHost(host, this.#known) && !this.#isOwnHost(host)) return false
    if (host !== undefined && this.#goodHosts.size < GOOD_HOSTS) this.#goodHosts.add(host)
    return true
  }

  /** The host under which the other nodes know this one, which it may have learned from them. */
  #isOwnHost(host: string | undefined): boolean {
    const own = this.#door.executor.status().peers[0]?.member.peerAddress ?? ''
    return own !== '' && bareHost(own.replace('http://', '')) === bareHost(host ?? '')
  }

  /** R19, for everything but health. */
  #strangerRefusal(request: FastifyRequest): Refusal | null {
    const origin = this.#origins.get(request.raw.socket)
    if (origin?.scope !== 'all' && request.routeOptions.config.isOnEveryPort !== true) {
      return { code: 'NOT_FOUND', detail: 'this port serves health and metrics only; use the HTTP port' }
    }
    if (origin?.isTrusted !== true)
      return { code: 'DENIED', detail: 'set a password, or start with --insecure' }
    if (!this.#door.hasPassword) return null
    const given = passwordOf(request.headers.authorization)
    if (given === null) return { code: 'UNAUTHENTICATED', detail: 'a password is required' }
    const address = request.raw.socket.remoteAddress ?? ''
    const result = this.#door.credentials.check(address, given.user, given.password)
    if (result === 'right') return null
    return { code: result === 'wrong' ? 'WRONG_PASSWORD' : 'TOO_MANY_ATTEMPTS', detail: '' }
  }

  /** R20: of what was not counted when it was made, reads can still be refused. */
  #send(reply: FastifyReply, payload: unknown, next: (error: null, payload?: unknown) => void): void {
    const isTaken = this.#door.httpReplies.send(reply.raw, payload, isSafe(reply.request.method))
    if (isTaken) return next(null, payload)
    next(null, prepareProblem(reply, 'OVERLOADED', 'too many answers wait for their clients at this node'))
  }

  /** No route took it: another method may have one. */
  #notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.originalUrl.split('?')[0] ?? ''
    // Asks whether anybody is here (RFC 9110, 9.3.7).
    if (path === '*' && request.method === 'OPTIONS') return reply.code(204).send()
    const allowed = this.#methods.allowed(path)
    if (allowed.length === 0)
      return sendProblem(reply, 'NOT_FOUND', `there is nothing at ${request.method} ${path}`)
    reply.header('allow', allowed.join(', '))
    if (request.method === 'OPTIONS') return reply.code(204).send()
    return sendProblem(reply, 'METHOD_NOT_ALLOWED', `${path} takes ${allowed.join(', ')}`)
  }

  /** What fastify or a route's own code threw. */
  #failed(error: FastifyError, reply: FastifyReply): FastifyReply {
    if (error instanceof ProblemError) return sendProblem(reply, error.code, error.message, error.extra)
    const status = error.statusCode ?? 500
    if (status < 500) return sendProblem(reply, codeOfStatus(status), error.message)
    logFailure(this.#door, error)
    return sendProblem(reply, 'INTERNAL')
  }
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 413) return 'TOO_LARGE'
  return status === 415 ? 'UNSUPPORTED_TYPE' : 'BAD_REQUEST'
}

/** Closing over bytes that still come would take the answer along: they are dropped for a moment. */
function endWith(clock: Clock, socket: Socket, answer: string): void {
  if (socket.readableEnded) return void socket.end(answer, () => socket.destroy())
  socket.removeAllListeners('data')
  socket.on('data', () => {})
  socket.once('end', () => socket.destroySoon())
  socket.end(answer)
  socket.resume()
  const cut = clock.setTimer(LINGER_MS, () => socket.destroy())
  socket.once('close', () => cut.cancel())
}

function brokenAnswer(code: string | undefined): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return rawProblem('REQUEST_TIMEOUT', 'Request Timeout')
  if (code === 'HPE_HEADER_OVERFLOW')
    return rawProblem('HEADERS_TOO_LARGE', 'Request Header Fields Too Large')
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return rawProblem('TOO_LARGE', 'Content Too Large')
  return rawProblem('PROTOCOL', 'Bad Request')
}
