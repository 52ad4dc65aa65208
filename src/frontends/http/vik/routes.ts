/**
 * VikDB's HTTP API: /kv/{key}, /kv/batch and /kv/range, with its bodies, its statuses and its redirects (docs/migrate/
 * vikdb.md). Keys and values are bytes; they go by base64.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Result } from '../../../cluster/execute.ts'
import { type ErrorCode, errors } from '../../../protocol/errors.ts'
import { limits } from '../../../protocol/limits.ts'
import { isErrorReply } from '../../../protocol/reply.ts'
import type { Door } from '../../door.ts'
import { bodyOf, CompatDoor, errorText, takeRawBodies } from '../compat.ts'
import { logFailure } from '../problem.ts'
import { decodePercent } from '../v1/percent.ts'
import { boundOf, decodeStandard, illegalAt, keyOf } from './base64.ts'
import { decodeBatch, decodeBody, FormError, rangeFields, textField } from './bodies.ts'
import { placeOfWrite } from './leader.ts'
import { sendRange } from './range.ts'
import { failed, type Success, sendValue, succeeded } from './replies.ts'

const PREFIX = '/kv/'
const NO_LEADER = 'not the leader, leader address unknown'
const REDIRECTING = 'not the leader, redirecting to leader'

export function vikRoutes(app: FastifyInstance, door: Door): void {
  takeRawBodies(app)
  app.setErrorHandler((error, _request, reply) => answerError(door, reply, error as Error))
  const routes = new VikRoutes(door)
  const options = { bodyLimit: limits.jsonBodyBytes }
  app.all(PREFIX, options, (request, reply) => routes.dispatch(request, reply))
  app.all(`${PREFIX}*`, options, (request, reply) => routes.dispatch(request, reply))
}

/** What a route threw, or fastify did: a body that is too large, or one that ended early. */
function answerError(door: Door, reply: FastifyReply, error: Error & { statusCode?: number }): FastifyReply {
  if (error instanceof FormError) return failed(reply, error.status, error.message)
  const status = error.statusCode ?? 500
  if (status < 500) return failed(reply, status, `invalid request body: ${error.message}`)
  logFailure(door, error)
  return failed(reply, 500, 'internal error')
}

class VikRoutes {
  readonly #door: Door
  readonly #compat: CompatDoor

  constructor(door: Door) {
    this.#door = door
    this.#compat = new CompatDoor(door)
  }

  async dispatch(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { method, originalUrl } = request
    const path = originalUrl.split('?', 1)[0] as string
    if (path === PREFIX) return failed(reply, 400, 'key is required')
    if (path === '/kv/range' && (method === 'GET' || method === 'POST')) return this.#range(request, reply)
    if (path === '/kv/batch' && method === 'POST') return this.#batch(request, reply)
    const isKey = path !== '/kv/range' && path !== '/kv/batch'
    if (isKey && method === 'GET') return this.#get(request, reply, keyIn(path))
    if (isKey && method === 'PUT') return this.#put(request, reply, keyIn(path))
    if (isKey && method === 'DELETE') return this.#delete(request, reply, keyIn(path))
    reply.header('allow', isKey ? 'GET, PUT, DELETE' : path === '/kv/batch' ? 'POST' : 'GET, POST')
    return failed(reply, 405, `method ${method} not allowed`)
  }

  async #get(request: FastifyRequest, reply: FastifyReply, key: Buffer): Promise<FastifyReply> {
    const { reply: answer, error } = await this.#compat.read(request, reply, this.#compat.spec('get'), [key])
    if (isErrorReply(answer)) return refused(reply, 'get', { reply: answer, error })
    // '$-1' is nothing; else '$<length>', the bytes and a line end.
    if (answer[1] === 0x2d) return failed(reply, 404, 'key not found')
    const value = answer.subarray(answer.indexOf(0x0a) + 1, answer.length - 2)
    return sendValue(this.#door, reply, value)
  }

  async #put(request: FastifyRequest, reply: FastifyReply, key: Buffer): Promise<FastifyReply> {
    const value = decodeStandard(textField(decodeBody(bodyOf(request)), 'value'))
    if (typeof value === 'number') throw new FormError(400, `invalid base64 value: ${illegalAt(value)}`)
    checkSizes([key], [value])
    const success = { message: 'key stored successfully' }
    return this.#write(request, reply, { action: 'put', command: 'set', args: [key, value], success })
  }

  async #delete(request: FastifyRequest, reply: FastifyReply, key: Buffer): Promise<FastifyReply> {
    const success = { message: 'key deleted successfully' }
    return this.#write(request, reply, { action: 'delete', command: 'del', args: [key], success })
  }

  /** One command, hence atomic. Of a key that comes twice the last value stays. */
  async #batch(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { keys, values } = decodeBatch(bodyOf(request))
    if (keys.length === 0) return succeeded(reply)
    checkSizes(keys, values)
    const args = keys.flatMap((key, at) => [key, values[at] as Buffer])
    const success = { count: keys.length }
    return this.#write(request, reply, { action: 'batch put', command: 'mset', args, success })
  }

  async #range(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (request.method === 'POST') {
      return sendRange(this.#compat, request, reply, rangeFields(bodyOf(request)))
    }
    const query = request.originalUrl.split('?').slice(1).join('?')
    const start = parameter(query, 'start')
    const end = parameter(query, 'end')
    if (start === null || start.length === 0) throw new FormError(400, 'start parameter is required')
    const bounds = { start: boundOf(start), end: end === null || end.length === 0 ? null : boundOf(end) }
    return sendRange(this.#compat, request, reply, bounds)
  }

  /** At the leader, or wherever a redirect has led to. */
  async #write(request: FastifyRequest, reply: FastifyReply, write: Write): Promise<FastifyReply> {
    const place = await placeOfWrite(this.#door)
    if (place.kind === 'none') return failed(reply, 503, NO_LEADER)
    if (place.kind === 'redirect') {
      const path = request.originalUrl.split('?', 1)[0] as string
      reply.header('location', `${request.protocol}://${place.address}${path}`)
      return failed(reply, 307, REDIRECTING)
    }
    const result = await this.#compat.write(request, this.#compat.spec(write.command), write.args)
    if (isErrorReply(result.reply)) return refused(reply, write.action, result)
    return succeeded(reply, write.success)
  }
}

interface Write {
  /** As error texts name it. */
  readonly action: string
  readonly command: string
  readonly args: readonly Buffer[]
  readonly success: Success
}

function keyIn(path: string): Buffer {
  const raw = decodePercent(path.slice(PREFIX.length), false)
  if (raw === null) throw new FormError(400, 'invalid URL escape in key')
  return keyOf(raw)
}

/** The first value of a query's parameter, decoded; null when it is not there. */
function parameter(query: string, name: string): Buffer | null {
  for (const part of query.split('&')) {
    const [given, ...value] = part.split('=')
    if (given !== name) continue
    const raw = decodePercent(value.join('='), true)
    if (raw === null) throw new FormError(400, `invalid URL escape in ${name}`)
    return raw
  }
  return null
}

function checkSizes(keys: readonly Buffer[], values: readonly Buffer[]): void {
  const long = keys.find(({ length }) => length > limits.keyBytes)
  if (long !== undefined) throw new FormError(413, `key is ${long.length} bytes, limit is ${limits.keyBytes}`)
  const large = values.find(({ length }) => length > limits.valueBytes)
  if (large !== undefined)
    throw new FormError(413, `value is ${large.length} bytes, limit is ${limits.valueBytes}`)
}

/** Without a majority nobody leads, which is what this API calls it; an unknown outcome never looks like a refusal. */
function refused(reply: FastifyReply, action: string, { reply: answer, error }: Result): FastifyReply {
  if (error === 'NO_LEADER' || error === 'NO_QUORUM') return failed(reply, 503, NO_LEADER)
  return failed(reply, statusOf(error), `failed to ${action}: ${errorText(answer)}`)
}

function statusOf(error: ErrorCode | null): number {
  return error === null ? 500 : errors[error].http
}
