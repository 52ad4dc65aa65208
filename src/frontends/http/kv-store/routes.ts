/**
 * The Django store's HTTP API below /kv-store/v1/ (docs/migrate/kv-store.md): keys and values are text, any node takes
 * writes, ranges include both ends. Its error of failed replication is only for writes that certainly did not happen.
 */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PinnedSnapshot } from '../../../cluster/clients/listing.ts'
import { internalCommands } from '../../../engine/command-table.ts'
import { type ErrorCode, errors } from '../../../protocol/errors.ts'
import { encodeKv, type KvOperation } from '../../../protocol/kv.ts'
import { decodeKvReply, isKvFailure, type KvFailure, type KvReply } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import type { Door } from '../../door.ts'
import { CompatDoor, type ReservedPage, sendJsonPieces, takeRawBodies } from '../compat.ts'
import { logFailure } from '../problem.ts'
import { decodePercent } from '../v1/percent.ts'
import { batchItems, keyProblem, putValue } from './bodies.ts'
import { reachedNodes, storeHealth } from './health.ts'
import { pageSize, type RangeQuery, rangePage, rangeQuery } from './range.ts'
import { detail, entryJson, notFound, Refusal, send, valueText } from './replies.ts'

const BASE = '/kv-store/v1/'
const KEYS = `${BASE}kv/`
const RANGE = KEYS
const BATCH = `${KEYS}batch/`
const HEALTH = `${BASE}health/`

export function kvStoreRoutes(app: FastifyInstance, door: Door): void {
  takeRawBodies(app)
  app.setErrorHandler((error, _request, reply) => answerError(door, reply, error as Error))
  const routes = new StoreRoutes(door)
  const options = { bodyLimit: limits.jsonBodyBytes }
  app.all(HEALTH, { config: { isOpen: true } }, (request, reply) => routes.dispatch(request, reply))
  app.all(KEYS, options, (request, reply) => routes.dispatch(request, reply))
  app.all(`${KEYS}*`, options, (request, reply) => routes.dispatch(request, reply))
  app.all(`${BASE}*`, (request, reply) => routes.dispatch(request, reply))
}

function answerError(door: Door, reply: FastifyReply, error: Error & { statusCode?: number }): FastifyReply {
  if (error instanceof Refusal) {
    if (error.status === 503 || error.status === 429) reply.header('retry-after', 1)
    return send(reply, error.status, error.body)
  }
  const status = error.statusCode ?? 500
  if (status >= 500) logFailure(door, error)
  return send(reply, status, { detail: status < 500 ? error.message : 'Internal server error' })
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
type Methods = Readonly<Record<string, Handler>>

class StoreRoutes {
  readonly #door: Door
  readonly #compat: CompatDoor
  readonly #rangeMethods: Methods = { GET: (request, reply) => this.#range(request, reply) }
  readonly #batchMethods: Methods = { POST: (request, reply) => this.#batch(request, reply) }
  readonly #healthMethods: Methods = { GET: (request, reply) => this.#health(request, reply) }
  readonly #keyMethods: Methods = {
    GET: (request, reply) => this.#get(request, reply),
    PUT: (request, reply) => this.#put(request, reply),
    DELETE: (request, reply) => this.#delete(request, reply),
  }

  constructor(door: Door) {
    this.#door = door
    this.#compat = new CompatDoor(door)
  }

  async dispatch(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const path = pathOf(request)
    const methods = this.#methodsAt(path)
    if (methods === null) {
      // Every address ends with a slash. The redirect keeps method and body, so that nothing is done by halves.
      if (this.#methodsAt(`${path}/`) === null) throw notFound()
      const query = request.originalUrl.slice(path.length)
      const status = request.method === 'GET' || request.method === 'HEAD' ? 301 : 308
      return reply.code(status).header('location', `${path}/${query}`).send()
    }
    const handler = methods[request.method === 'HEAD' ? 'GET' : request.method]
    if (handler !== undefined) return handler(request, reply)
    reply.header('allow', [...Object.keys(methods), 'HEAD', 'OPTIONS'].join(', '))
    if (request.method === 'OPTIONS') return reply.code(204).send()
    throw detail(405, `Method "${request.method}" not allowed.`)
  }

  #methodsAt(path: string): Methods | null {
    if (path === RANGE) return this.#rangeMethods
    if (path === BATCH) return this.#batchMethods
    if (path === HEALTH) return this.#healthMethods
    return path.startsWith(KEYS) && keyIn(path) !== null ? this.#keyMethods : null
  }

  async #get(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const key = keyOf(request)
    const result = await this.#read(request, reply, {
      kind: 'get',
      key: Buffer.from(key),
      metadataOnly: false,
    })
    const item = result.results[0]?.item ?? null
    if (item === null) throw notFound()
    return sendJsonPieces(this.#door, reply, entryJson(key, valueText(item), item))
  }

  async #put(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const key = keyOf(request)
    const problem = keyProblem(key)
    if (problem !== null) throw new Refusal(400, { key: [problem] })
    const value = putValue(request)
    const [result] = (await this.#write(request, 'to quorum', [putOf(key, value)])).results
    if (result === undefined || result.item === null) throw detail(500, 'Internal server error')
    return send(reply, result.found ? 200 : 201, entryJson(key, value, result.item))
  }

  async #delete(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const key = Buffer.from(keyOf(request))
    const { results } = await this.#write(request, 'delete to quorum', [
      { kind: 'delete', key, previous: false },
    ])
    if (results[0]?.found !== true) throw notFound()
    return reply.code(204).send()
  }

  /** One command: all items or none. */
  async #batch(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const items = batchItems(request)
    const operations = items.map(({ key, value }) => putOf(key, value))
    const { results } = await this.#write(request, 'batch to quorum', operations)
    const entries = items.map(({ key, value }, at) => {
      const item = results[at]?.item ?? null
      if (item === null) throw detail(500, 'Internal server error')
      return entryJson(key, value, item)
    })
    return send(reply, 200, entries)
  }

  async #range(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const query = rangeQuery(new URLSearchParams(request.originalUrl.slice(pathOf(request).length)))
    const room = await this.#compat.reservePage(reply, pageSize(query))
    if (room === null) throw detail(errors.OVERLOADED.http, errors.OVERLOADED.resp)
    const snapshot = await this.#compat.snapshot(request, reply)
    if (typeof snapshot === 'string') throw detail(errors[snapshot].http, errors[snapshot].resp)
    try {
      return sendJsonPieces(this.#door, reply, await this.#page(snapshot, query, reply, room))
    } finally {
      snapshot.release()
    }
  }

  async #page(
    snapshot: PinnedSnapshot,
    query: RangeQuery,
    reply: FastifyReply,
    { claim, size }: ReservedPage,
  ): Promise<Record<string, unknown>> {
    const { body, bytes } = await rangePage(snapshot, query, size)
    if (bytes <= claim.bytes) {
      claim.resize(bytes)
      return body
    }
    // One value is larger than a page: it is read again when there is room for it.
    claim.release()
    const larger = await this.#compat.reserve(reply, bytes)
    if (larger === null) throw detail(errors.OVERLOADED.http, errors.OVERLOADED.resp)
    return (await rangePage(snapshot, query, size)).body
  }

  async #health(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    return send(reply, 200, storeHealth(this.#door.executor.status(), request.protocol))
  }

  async #read(request: FastifyRequest, reply: FastifyReply, operation: KvOperation): Promise<KvReply> {
    const { reply: answer } = await this.#compat.read(
      request,
      reply,
      internalCommands.kvRead,
      kvArgs([operation]),
    )
    const decoded = decodeKvReply(answer)
    if (isKvFailure(decoded)) throw detail(errors[decoded.error].http, decoded.text)
    return decoded
  }

  /** `what` completes the sentence of the documented error. */
  async #write(request: FastifyRequest, what: string, operations: readonly KvOperation[]): Promise<KvReply> {
    const isPut = operations.some(({ kind }) => kind === 'put')
    const command = isPut ? internalCommands.kvPut : internalCommands.kv
    const { reply: answer, error } = await this.#compat.write(request, command, kvArgs(operations))
    const decoded = decodeKvReply(answer)
    if (isKvFailure(decoded)) throw this.#failure(what, error ?? decoded.error, decoded)
    return decoded
  }

  #failure(what: string, code: ErrorCode, { text }: KvFailure): Refusal {
    if (code !== 'NO_LEADER' && code !== 'NO_QUORUM') return detail(errors[code].http, text)
    const count = reachedNodes(this.#door.executor.status())
    return detail(500, `Replication failed: Failed to replicate ${what} of nodes. Successful: ${count} nodes`)
  }
}

function kvArgs(then: readonly KvOperation[]): Buffer[] {
  return encodeKv({ compares: [], then, otherwise: [], idempotency: null })
}

function putOf(key: string, value: string): KvOperation {
  const bytes = { key: Buffer.from(key), value: Buffer.from(value) }
  return { kind: 'put', ...bytes, contentType: null, expiry: { kind: 'none' }, previous: false }
}

function pathOf(request: FastifyRequest): string {
  return request.originalUrl.split('?', 1)[0] as string
}

function keyOf(request: FastifyRequest): string {
  const key = keyIn(pathOf(request))
  if (key === null) throw notFound()
  return key
}

/** The key of '/kv-store/v1/kv/<key>/', or null: it is text without a slash, percent-encoded. */
function keyIn(path: string): string | null {
  if (!path.endsWith('/')) return null
  const bytes = decodePercent(path.slice(KEYS.length, -1), false)
  if (bytes === null || bytes.length === 0 || !isUtf8(bytes) || bytes.includes(0x2f)) return null
  return bytes.toString()
}
