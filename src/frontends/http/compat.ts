/**
 * What the doors of two earlier HTTP systems (kv-store/, vik/) share: commands given for a request, reads that are
 * answered stale when no majority can confirm them, and whole bodies of bytes.
 */
import { isIPv6 } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PinnedSnapshot } from '../../cluster/clients/listing.ts'
import type { Consistency, Result } from '../../cluster/execute.ts'
import { must } from '../../lib/assert.ts'
import type { Command, CommandSpec } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { errorCodeReply } from '../../protocol/reply.ts'
import { peerOf } from '../connection/ends.ts'
import type { Door } from '../door.ts'
import { bestConsistency, isUnconfirmed } from '../freshness.ts'
import type { Claim } from './answers/answer-share.ts'
import { LARGE_BYTES } from './answers/answers.ts'
import { jsonPieces } from './answers/json-pieces.ts'
import { type PageSize, roomOf, shortened } from './answers/page-room.ts'
import { sendPieces } from './answers/send-pieces.ts'
import { whenOver } from './answers/when-over.ts'
import { ConnectionSessions } from './sessions.ts'

/** Says how fresh an answer to a read is: 'linearizable', or 'stale' when no majority could confirm it. */
const CONSISTENCY_HEADER = 'x-kvorum-consistency'
/** Both systems know one keyspace: that of database 0. */
export const DATABASE = 0
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]'])

const OVERLOADED: Result = { reply: errorCodeReply('OVERLOADED'), error: 'OVERLOADED' }

/** What a page may take, and how large it may be therefore. */
export interface ReservedPage {
  readonly claim: Claim
  readonly size: PageSize
}

export class CompatDoor {
  readonly door: Door
  readonly #sessions: ConnectionSessions
  /** Ranges that are being sent page by page. */
  openRanges = 0

  constructor(door: Door) {
    this.door = door
    this.#sessions = new ConnectionSessions(door.executor)
  }

  /** Takes part in the cluster's order; never stale. */
  write(request: FastifyRequest, spec: CommandSpec, args: readonly Buffer[]): Promise<Result> {
    return this.#execute(request, { spec, database: DATABASE, args }, 'linearizable')
  }

  /** R20: room for a page, and what size it may have. */
  reservePage(reply: FastifyReply, wanted: PageSize): Promise<ReservedPage | null> {
    const { httpReplies, config } = this.door
    return new Promise((resolve) => {
      httpReplies.reservePage(reply.raw, roomOf(wanted), config.commandTimeoutMs, (claim, isShort) => {
        resolve(claim === null ? null : { claim, size: isShort ? shortened(wanted) : wanted })
      })
    })
  }

  /**
   * R20: room for `bytes` that a large answer is going to be made of; null when none comes in time, or the client is
   * gone: who waits has a snapshot to give back.
   */
  reserve(reply: FastifyReply, bytes: number): Promise<Claim | null> {
    const { httpReplies, config } = this.door
    return new Promise((resolve) => {
      httpReplies.reserve(reply.raw, bytes, config.commandTimeoutMs, resolve)
      whenOver(reply.raw, () => resolve(null))
    })
  }

  /** Linearizable while a majority is known, else what this node has; a header of `reply` says which. */
  async read(
    request: FastifyRequest,
    reply: FastifyReply,
    spec: CommandSpec,
    args: readonly Buffer[],
  ): Promise<Result> {
    const command = { spec, database: DATABASE, args }
    if (bestConsistency(this.door.executor) === 'linearizable') {
      const result = await this.#fetch(request, reply, command, 'linearizable')
      reply.header(CONSISTENCY_HEADER, 'linearizable')
      if (!isUnconfirmed(result.error)) return result
    }
    reply.header(CONSISTENCY_HEADER, 'stale')
    return this.#fetch(request, reply, command, 'stale')
  }

  /** The same for a whole range: a moment of the keyspace, to be released; or why there is none. */
  async snapshot(request: FastifyRequest, reply: FastifyReply): Promise<PinnedSnapshot | ErrorCode> {
    if (bestConsistency(this.door.executor) === 'linearizable') {
      const opened = await this.#open(request, 'linearizable')
      reply.header(CONSISTENCY_HEADER, 'linearizable')
      if (typeof opened !== 'string' || !isUnconfirmed(opened)) return opened
    }
    reply.header(CONSISTENCY_HEADER, 'stale')
    return this.#open(request, 'stale')
  }

  /** A command that clients may send, by its lower-case name. */
  spec(name: string): CommandSpec {
    return must(this.door.executor.commands.get(name), `command ${name}`)
  }

  /** R20: a large answer that finds no room is let go, and read again when there is some. */
  async #fetch(
    request: FastifyRequest,
    reply: FastifyReply,
    command: Command,
    consistency: Consistency,
  ): Promise<Result> {
    const { httpReplies } = this.door
    const first = await this.#execute(request, command, consistency)
    const { length } = first.reply
    if (httpReplies.admit(reply.raw, length)) return first
    const claim = length < LARGE_BYTES ? null : await this.reserve(reply, length)
    if (claim === null) return OVERLOADED
    const again = await this.#execute(request, command, consistency)
    if (again.reply.length <= claim.bytes) claim.resize(again.reply.length)
    else if (!httpReplies.admit(reply.raw, again.reply.length)) return OVERLOADED
    return again
  }

  #execute(request: FastifyRequest, command: Command, consistency: Consistency): Promise<Result> {
    const { door } = this
    const options = door.executeOptions(
      this.#sessions.of(request.raw.socket),
      door.clock.monotonicMs(),
      consistency,
    )
    if (door.inFlight.isFull) return Promise.resolve(OVERLOADED)
    return new Promise((resolve) => door.execute(command, options, peerOf(request.raw.socket), resolve))
  }

  #open(request: FastifyRequest, consistency: Consistency): Promise<PinnedSnapshot | ErrorCode> {
    const { door } = this
    const options = door.executeOptions(
      this.#sessions.of(request.raw.socket),
      door.clock.monotonicMs(),
      consistency,
    )
    if (door.inFlight.isFull) return Promise.resolve('OVERLOADED')
    return new Promise((resolve) => {
      door.openSnapshot({ ...options, database: DATABASE }, (snapshot, error) =>
        resolve(snapshot ?? error ?? 'INTERNAL'),
      )
    })
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

/** The same for what may be large: `json` may hold LongText and JsonList. */
export function sendJsonPieces(door: Door, reply: FastifyReply, json: unknown, tail = ''): FastifyReply {
  reply.code(200).header('content-type', 'application/json')
  return sendPieces(door.httpReplies, reply, jsonPieces(json, tail))
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
