/**
 * Cross-origin requests (the Fetch standard, CORS): off, until origins are named. Pages of those may then do what a
 * page of this node may, with the password if there is one.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

const METHODS = 'GET, HEAD, PUT, PATCH, POST, DELETE'
const REQUEST_HEADERS =
  'authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-kvorum-min-revision'
const REPLY_HEADERS =
  'etag, link, retry-after, idempotency-replayed, x-kvorum-revision, x-kvorum-node, x-kvorum-leader, x-kvorum-term, ' +
  'x-kvorum-ttl-ms, x-kvorum-consistency'
/** How long a browser may remember the answer to a preflight, in seconds. */
const MAX_AGE = 600

export class Cors {
  readonly #origins: ReadonlySet<string>

  /** `origins` as browsers send them: 'https://app.example.com'. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase()))
  }

  isAllowed(origin: string | undefined): boolean {
    return this.#origins.size > 0 && origin !== undefined && this.#origins.has(origin.toLowerCase())
  }

  /** Adds what lets a named page read the answer. True when that was all: the request was a preflight. */
  answer(request: FastifyRequest, reply: FastifyReply): boolean {
    if (this.#origins.size === 0) return false
    reply.header('vary', 'origin')
    const { origin } = request.headers
    if (origin === undefined || !this.isAllowed(origin)) return false
    reply.header('access-control-allow-origin', origin)
    reply.header('access-control-expose-headers', REPLY_HEADERS)
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
      return false
    reply.header('access-control-allow-methods', METHODS)
    reply.header('access-control-allow-headers', REQUEST_HEADERS)
    reply.header('access-control-max-age', MAX_AGE)
    reply.code(204).send()
    return true
  }
}
