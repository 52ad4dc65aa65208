/**
 * One request of the native API on its way: its query, its options, the commands it gives, its answer. Everything
 * that comes back later is guarded: a problem found there is answered like one found at once.
 */
import { createHash } from 'node:crypto'
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
import type { Door } from '../../door.ts'
import { badRequest, ProblemError, sendProblem } from '../problem.ts'
import { peerOf } from '../sessions.ts'
import type { Native } from './native.ts'
import { EMPTY_QUERY, parseInteger, parseQuery, type Query } from './query.ts'

const CONSISTENCIES: readonly Consistency[] = ['linearizable', 'leader', 'stale']
const DATABASES = 16
/** Room is left for the number of an attempt, which a patch adds. */
export const IDEMPOTENCY_KEY_BYTES = limits.idempotencyKeyBytes - 15

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
    this.door.execute(command, this.executeOptions(), peerOf(this.request), ({ reply }) => done(reply))
  }

  /** Runs a KV command; `then` gets its reply. What the cluster refuses is answered here. */
  kv(kv: KvRequest, then: (reply: KvReply) => void): void {
    const problem = checkKv(kv)
    if (problem !== null) throw new ProblemError('BAD_REQUEST', problem)
    const command = { spec: specOf(kv), database: this.database, args: encodeKv(kv) }
    this.execute(command, (reply) => {
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

  /** R20: refuses, before anything is done, while too much is in execution or waits for its clients. */
  admit(): void {
    const { inFlight } = this.door
    if (!inFlight.isFull && !this.native.budget.isFull) return
    const what = inFlight.isFull ? 'is in execution' : 'waits for its clients'
    throw new ProblemError('OVERLOADED', `too much ${what} at this node`)
  }

  /** Answers with JSON and the headers that say who served it. */
  json(status: number, body: unknown): void {
    const text = JSON.stringify(body)
    this.stamp()
    this.reply.code(status).type('application/json; charset=utf-8').send(text)
  }

  /** Answers without a body. */
  empty(status: number): void {
    this.stamp()
    this.reply.code(status).send()
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

/** Reads go without the log; what may grow the data is refused while disks are low (R6). */
function specOf({ then, otherwise, idempotency }: KvRequest): CommandSpec {
  const has = (test: (operation: KvOperation) => boolean): boolean => then.some(test) || otherwise.some(test)
  if (has(({ kind }) => kind === 'put')) return internalCommands.kvPut
  const isRead = idempotency === null && !has(({ kind }) => kind !== 'get')
  return isRead ? internalCommands.kvRead : internalCommands.kv
}
