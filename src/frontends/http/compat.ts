/**
 * What the doors of two earlier HTTP systems (kv-store/, vik/) share: commands given for a request, reads that are
 * answered stale when no majority can confirm them, and whole bodies of bytes.
 */
import { isIPv6, type Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Consistency, Result, Session } from '../../cluster/execute.ts'
import type { PinnedSnapshot } from '../../cluster/listing.ts'
import { must } from '../../lib/assert.ts'
import type { Command, CommandSpec } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { Door } from '../door.ts'

/** Says how fresh an answer to a read is: 'linearizable', or 'stale' when no majority could confirm it. */
export const CONSISTENCY_HEADER = 'x-kvorum-consistency'
/** Both systems know one keyspace: that of database 0. */
export const DATABASE = 0
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]'])
/** Refusals of a read for which this node's own state is the next best answer. */
const UNCONFIRMED: ReadonlySet<ErrorCode> = new Set(['NO_LEADER', 'NO_QUORUM'])

export class CompatDoor {
  readonly door: Door
  readonly #sessions = new WeakMap<Socket, Session>()

  constructor(door: Door) {
    this.door = door
  }

  /** Takes part in the cluster's order; never stale. */
  write(request: FastifyRequest, spec: CommandSpec, args: readonly Buffer[]): Promise<Result> {
    return this.#execute(request, { spec, database: DATABASE, args }, 'linearizable')
  }

  /** Linearizable while a majority is known, else what this node has; a header of `reply` says which. */
  async read(
    request: FastifyRequest,
    reply: FastifyReply,
    spec: CommandSpec,
    args: readonly Buffer[],
  ): Promise<Result> {
    const command = { spec, database: DATABASE, args }
    if (this.#mayConfirm()) {
      const result = await this.#execute(request, command, 'linearizable')
      reply.header(CONSISTENCY_HEADER, 'linearizable')
      if (result.error === null || !UNCONFIRMED.has(result.error)) return result
    }
    reply.header(CONSISTENCY_HEADER, 'stale')
    return this.#execute(request, command, 'stale')
  }

  /** The same for a whole range: a moment of the keyspace, to be released; or why there is none. */
  async snapshot(request: FastifyRequest, reply: FastifyReply): Promise<PinnedSnapshot | ErrorCode> {
    if (this.#mayConfirm()) {
      const opened = await this.#open(request, 'linearizable')
      reply.header(CONSISTENCY_HEADER, 'linearizable')
      if (typeof opened !== 'string' || !UNCONFIRMED.has(opened)) return opened
    }
    reply.header(CONSISTENCY_HEADER, 'stale')
    return this.#open(request, 'stale')
  }

  /** A command that clients may send, by its lower-case name. */
  spec(name: string): CommandSpec {
    return must(this.door.executor.commands.get(name), `command ${name}`)
  }

  /** Waiting for a majority makes sense: the leader is known, or one can be elected. */
  #mayConfirm(): boolean {
    const { executor } = this.door
    return executor.position().leader !== '' || executor.status().quorum
  }

  #execute(request: FastifyRequest, command: Command, consistency: Consistency): Promise<Result> {
    const { door } = this
    const options = door.executeOptions(this.#session(request), door.clock.monotonicMs(), consistency)
    return new Promise((resolve) => door.executor.execute(command, options, resolve))
  }

  #open(request: FastifyRequest, consistency: Consistency): Promise<PinnedSnapshot | ErrorCode> {
    const { door } = this
    const options = door.executeOptions(this.#session(request), door.clock.monotonicMs(), consistency)
    return new Promise((resolve) => {
      door.executor.openSnapshot({ ...options, database: DATABASE }, (snapshot, error) =>
        resolve(snapshot ?? error ?? 'INTERNAL'),
      )
    })
  }

  /** One per connection: what is held for a client that is gone is dropped (R15). */
  #session(request: FastifyRequest): Session {
    const { socket } = request.raw
    const known = this.#sessions.get(socket)
    if (known !== undefined) return known
    const { executor } = this.door
    const session = executor.openSession()
    this.#sessions.set(socket, session)
    socket.once('close', () => executor.closeSession(session))
    return session
  }
}

/** Bodies of any type reach the routes of `app` as bytes. */
export function takeRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

/** The bytes of the body; none when there was no body. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
}

/** Sends JSON text under exactly this content type. */
export function sendJson(reply: FastifyReply, status: number, json: string): FastifyReply {
  return reply.code(status).header('content-type', 'application/json').send(Buffer.from(json))
}

/** The text of an error reply without its '-' and line end. */
export function errorText(reply: Buffer): string {
  return reply.toString('utf8', 1, reply.length - 2)
}

/**
 * Where clients reach a node's HTTP port, as host:port; null when that is not known. `httpAddress` is what it said;
 * when it listens everywhere, the host of `peerAddress`, under which the nodes know it, is as good.
 */
export function httpAddressOf(httpAddress: string, peerAddress: string): string | null {
  if (httpAddress === '') return null
  const colon = httpAddress.lastIndexOf(':')
  const host = httpAddress.slice(0, colon)
  const port = httpAddress.slice(colon)
  if (!WILDCARDS.has(host)) return isIPv6(host) ? `[${host}]${port}` : httpAddress
  const known = peerAddress.replace(/^http:\/\//, '')
  return known === '' ? null : known.slice(0, known.lastIndexOf(':')) + port
}
