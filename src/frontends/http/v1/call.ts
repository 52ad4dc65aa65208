/**
 * One request of the native API on its way: its query, its options, the commands it gives, its answer. Everything
 * that comes back later is guarded: a problem found there is answered like one found at once.
 */
import { createHash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Consistency, ExecuteOptions } from '../../../cluster/execute.ts'
import { internalCommands } from '../../../engine/command-table.ts'
import type { Command, CommandSpec } from '../../../protocol/commands.ts'
import type { ErrorCode } from '../../../protocol/errors.ts'
import {
  checkKv,
  encodeKv,
  type KvIdempotency,
  type KvOperation,
  type KvRequest,
} from '../../../protocol/kv.ts'
import { decodeKvReply, isKvFailure, type KvReply } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import { peerOf } from '../../connection/ends.ts'
import type { Door } from '../../door.ts'
import type { Claim } from '../answers/answer-share.ts'
import { LARGE_BYTES } from '../answers/answers.ts'
import { jsonPieces } from '../answers/json-pieces.ts'
import { type PageSize, roomOf, shortened } from '../answers/page-room.ts'
import { sendPieces } from '../answers/send-pieces.ts'
import { badRequest, ProblemError, sendProblem } from '../problem.ts'
import type { Native } from './native.ts'
import { EMPTY_QUERY, parseInteger, parseQuery, type Query } from './query.ts'

const CONSISTENCIES: readonly Consistency[] = ['linearizable', 'leader', 'stale']
const DATABASES = 16
/** Room is left for the number of an attempt, which a patch adds. */
export const IDEMPOTENCY_KEY_BYTES = limits.idempotencyKeyBytes - 15

/** More values than this are many. */
const MANY_VALUES = 16
const NO_ROOM = 'too many large answers wait for their clients at this node'

export class Call {
  readonly native: Native
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  query: Query = EMPTY_QUERY

  constructor(native: Native, request: FastifyRequest, reply: FastifyReply) {
    this.native = native
    this.request = request
    this.reply = reply
  }

  /** `known`: the query parameters of the route; others are refused. */
  run(known: ReadonlySet<string>, handle: (call: Call) => void): void {
    this.guard(() => {
      this.query = parseQuery(this.request.originalUrl, known)
      handle(this)
    })
  }

  get door(): Door {
    return this.native.door
  }

  /** ?db */
  get database(): number {
    return this.query.integer('db', 0, DATABASES - 1, 0)
  }

  /** The body of a route that takes one; empty when none came. */
  get body(): Buffer {
    return Buffer.isBuffer(this.request.body) ? this.request.body : Buffer.alloc(0)
  }

  header(name: string): string | null {
    const value = this.request.headers[name]
    return typeof value === 'string' ? value : null
  }

  /** ?consistency, X-Kvorum-Min-Revision and the connection's session. */
  executeOptions(): ExecuteOptions {
    const { door } = this
    const session = this.native.sessions.of(this.request.raw.socket)
    const options = door.executeOptions(session, door.clock.monotonicMs())
    const minRevision = this.header('x-kvorum-min-revision')
    return {
      ...options,
      consistency: this.query.choice('consistency', CONSISTENCIES, 'linearizable'),
      minRevision:
        minRevision === null
          ? 0
          : parseInteger('X-Kvorum-Min-Revision', minRevision, 0, Number.MAX_SAFE_INTEGER),
    }
  }

  /** Idempotency-Key, bound to what this request asks for. */
  idempotency(): KvIdempotency | null {
    const text = this.header('idempotency-key')
    if (text === null) return null
    const key = Buffer.from(text, 'latin1')
    if (key.length === 0 || key.length > IDEMPOTENCY_KEY_BYTES) {
      throw badRequest('Idempotency-Key', text, `1 to ${IDEMPOTENCY_KEY_BYTES} bytes`)
    }
    const { method, originalUrl, headers } = this.request
    const conditions = [headers['if-match'], headers['if-none-match'], headers['content-type']]
    const hash = createHash('sha256').update(JSON.stringify([method, originalUrl, ...conditions]))
    return { key, fingerprint: hash.update(this.body).digest() }
  }

  /** Hands a command to the cluster, unless too much is in execution at this node already (R20). */
  execute(command: Command, done: (reply: Buffer) => void): void {
    this.admit()
    const isRead = command.spec.kind === 'read'
    this.door.execute(command, this.executeOptions(), peerOf(this.request.raw.socket), ({ reply }) => {
      const mayWait = isRead && reply.length >= LARGE_BYTES
      if (mayWait && !this.door.httpReplies.admit(this.reply.raw, reply.length)) {
        return this.#executeAgain(command, reply.length, done)
      }
      if (mayWait || this.hasRoomFor(reply, isRead)) done(reply)
    })
  }

  /** What was read of a large value is let go, and read again when there is room for it. */
  #executeAgain(command: Command, bytes: number, done: (reply: Buffer) => void): void {
    this.reserve(bytes, (claim) => {
      this.door.execute(command, this.executeOptions(), peerOf(this.request.raw.socket), ({ reply }) => {
        if (reply.length <= claim.bytes) claim.resize(reply.length)
        else if (!this.hasRoomFor(reply, true)) return
        done(reply)
      })
    })
  }

  /**
   * The same for a command that looks at `count` values. Those that look at many take turns; and what changes something
   * is not begun without room for what it answers.
   */
  executeMany(command: Command, count: number, done: (reply: Buffer) => void): void {
    if (count > MANY_VALUES) return this.#inTurn(command, done)
    const isRead = command.spec.kind === 'read'
    if (!isRead && count > 0 && this.door.httpReplies.large.isFull) {
      throw new ProblemError('OVERLOADED', NO_ROOM)
    }
    this.execute(command, done)
  }

  #inTurn(command: Command, done: (reply: Buffer) => void): void {
    const { door } = this
    const { large, manyValues } = door.httpReplies
    const options = this.executeOptions()
    manyValues.add((over) => {
      const nowMs = door.clock.monotonicMs()
      const isRefused = nowMs > options.deadlineMs || large.isFull || door.inFlight.isFull
      if (this.isGone || isRefused) over()
      if (isRefused) return this.refuse('OVERLOADED', NO_ROOM)
      if (this.isGone) return
      const deadlineMs = nowMs + door.config.commandTimeoutMs
      door.execute(command, { ...options, deadlineMs }, peerOf(this.request.raw.socket), ({ reply }) => {
        over()
        if (this.hasRoomFor(reply, command.spec.kind === 'read')) done(reply)
      })
    })
  }

  /** R20: is there room for what the answer is made of? Else the request is answered here. */
  hasRoomFor(reply: Buffer, isRead: boolean): boolean {
    const overdraft = isRead ? 0 : limits.kvReplyBytes
    if (this.door.httpReplies.admit(this.reply.raw, reply.length, overdraft)) return true
    this.refuse(isRead ? 'OVERLOADED' : 'REPLY_NOT_KEPT', NO_ROOM)
    return false
  }

  /** Room for `bytes` that the answer is going to be made of; the request is refused when none comes in time. */
  reserve(bytes: number, then: (claim: Claim) => void): void {
    const { httpReplies, config } = this.door
    httpReplies.reserve(this.reply.raw, bytes, config.commandTimeoutMs, (claim) => {
      this.guard(() => {
        if (claim === null) this.refuse('OVERLOADED', NO_ROOM)
        else then(claim)
      })
    })
  }

  /** Runs a KV command; `then` gets its reply. What the cluster refuses is answered here. */
  kv(kv: KvRequest, then: (reply: KvReply) => void): void {
    const problem = checkKv(kv)
    if (problem !== null) throw new ProblemError('BAD_REQUEST', problem)
    const command = { spec: specOf(kv), database: this.database, args: encodeKv(kv) }
    this.executeMany(command, valuesOf(kv), (reply) => {
      this.guard(() => {
        const decoded = decodeKvReply(reply)
        if (isKvFailure(decoded)) return this.refuse(decoded.error, decoded.text)
        if (decoded.replayed) this.reply.header('idempotency-replayed', 'true')
        this.reply.header('x-kvorum-revision', decoded.revision)
        then(decoded)
      })
    })
  }

  /** The client has closed the connection: nobody reads the answer. */
  get isGone(): boolean {
    return this.request.raw.socket.destroyed
  }

  /** R20: refuses, before anything is done, while too much is in execution. */
  admit(): void {
    if (!this.door.inFlight.isFull) return
    throw new ProblemError('OVERLOADED', 'too much is in execution at this node')
  }

  /** The same for a page, which may have to be a short one. */
  reservePage(wanted: PageSize, then: (claim: Claim, size: PageSize) => void): void {
    const { httpReplies, config } = this.door
    httpReplies.reservePage(this.reply.raw, roomOf(wanted), config.commandTimeoutMs, (claim, isShort) => {
      this.guard(() => {
        if (claim === null) this.refuse('OVERLOADED', NO_ROOM)
        else then(claim, isShort ? shortened(wanted) : wanted)
      })
    })
  }

  /** Answers with JSON and the headers that say who served it. */
  json(status: number, body: unknown): void {
    const text = JSON.stringify(body)
    this.stamp()
    this.reply.code(status).type('application/json; charset=utf-8').send(text)
  }

  /** The same for what may be large: `body` may hold LongText and JsonList. */
  pieces(status: number, body: unknown): void {
    this.stamp()
    this.reply.code(status).type('application/json; charset=utf-8')
    sendPieces(this.door.httpReplies, this.reply, jsonPieces(body))
  }

  /** Answers without a body. */
  empty(status: number): void {
    this.stamp()
    this.reply.code(status).send()
  }

  /** 304, by GET and HEAD alike without a length: it would be taken for the value's (RFC 9110, 8.6). */
  notModified(): void {
    this.stamp()
    this.reply.hijack()
    this.reply.raw.writeHead(304, this.reply.getHeaders() as OutgoingHttpHeaders).end()
  }

  refuse(code: ErrorCode, detail = '', extra: Record<string, unknown> = {}): void {
    this.stamp()
    sendProblem(this.reply, code, detail, extra)
  }

  /** Who answers, and whom it takes for the leader. */
  stamp(): void {
    const { node, leader, term } = this.door.executor.position()
    this.reply.header('x-kvorum-node', node)
    this.reply.header('x-kvorum-leader', leader)
    this.reply.header('x-kvorum-term', term)
  }

  /** Runs what answers later: a ProblemError becomes the answer, and a bug costs this request only. */
  guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (error instanceof ProblemError) return this.refuse(error.code, error.message, error.extra)
      this.door.log('error', 'HTTP route failed', {
        error: error instanceof Error ? error.stack : String(error),
      })
      if (!this.reply.sent) this.refuse('INTERNAL')
    }
  }
}

/** How many values the answer may have. */
function valuesOf({ then, otherwise }: KvRequest): number {
  const brings = (operation: KvOperation): boolean =>
    operation.kind === 'get' ? !operation.metadataOnly : operation.kind !== 'update' && operation.previous
  return Math.max(then.filter(brings).length, otherwise.filter(brings).length)
}

/** Reads go without the log; what may grow the data is refused while disks are low (R6). */
function specOf({ then, otherwise, idempotency }: KvRequest): CommandSpec {
  const has = (test: (operation: KvOperation) => boolean): boolean => then.some(test) || otherwise.some(test)
  if (has(({ kind }) => kind === 'put')) return internalCommands.kvPut
  const isRead = idempotency === null && !has(({ kind }) => kind !== 'get')
  return isRead ? internalCommands.kvRead : internalCommands.kv
}
