/**
 * GET /v1/watch: committed changes as server-sent events or as lines of JSON. Nothing is queued for a client: while
 * its socket is full nothing is taken from the node's history, and one that falls behind it is told `compacted`.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { ExecuteOptions } from '../../../cluster/execute.ts'
import type { Watch, WatchEvent, WatchOptions } from '../../../cluster/watches/watch.ts'
import { internalCommands } from '../../../engine/command-table.ts'
import type { Timer } from '../../../lib/clock.ts'
import type { Command } from '../../../protocol/commands.ts'
import { encodeKv } from '../../../protocol/kv.ts'
import { decodeKvReply, isKvFailure } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import { peerOf } from '../../connection/ends.ts'
import type { Claim, Waiter } from '../answers/answer-share.ts'
import { whenOver } from '../answers/when-over.ts'
import { badRequest } from '../problem.ts'
import type { Call } from './call.ts'
import { rangeOf } from './range.ts'
import { bytesJson, detailsJson } from './values.ts'

/** Silence on a connection is broken after this long, so that proxies keep it and losses are noticed. */
const HEARTBEAT_MS = 15_000
/** What is taken from the history at a time. */
const TAKE_EVENTS = 500
const TAKE_BYTES = 64 * 1024
/** How soon a browser connects again. */
const RETRY_MS = 500
const POSITION = /^(\d{1,16})(?:-(\d{1,10}))?$/

/** A read that looks at next to nothing. */
const ANY_READ: Command = {
  spec: internalCommands.kvRead,
  database: 0,
  args: encodeKv({
    compares: [],
    then: [{ kind: 'get', key: Buffer.alloc(0), metadataOnly: true }],
    otherwise: [],
    idempotency: null,
  }),
}

interface Position {
  readonly after: number
  readonly afterSub?: number
}

type Form = 'sse' | 'ndjson'

const TYPES: Readonly<Record<Form, string>> = {
  sse: 'text/event-stream; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

export function watch(call: Call): void {
  const range = rangeOf(call.query)
  const form = formOf(call)
  const { executor } = call.door
  const position = positionOf(call)
  if (position.after < executor.oldestWatchRevision) {
    return call.refuse('COMPACTED', `this node's history begins behind ${executor.oldestWatchRevision}`, {
      oldest: executor.oldestWatchRevision,
    })
  }
  const options = { database: call.database, ...range, ...position }
  const open = (): void => {
    const stream = WatchStream.open(call, options, form)
    if (stream === null) call.refuse('OVERLOADED', `${limits.watchers} watches are open at this node`)
    // It waited while the node left. Not refused: a browser would give up for good.
    else if (call.door.isClosing) stream.finish()
  }
  if (position.after <= executor.position().revision) open()
  else unlessForeign(call, position.after, open)
}

/**
 * A client is ahead of this node. Either the node lags behind, or the client's revisions are of another history: the
 * data was removed since, and waiting for them would miss what came before them. A linearizable read tells, if any.
 */
function unlessForeign(call: Call, after: number, open: () => void): void {
  const options: ExecuteOptions = { ...call.executeOptions(), consistency: 'linearizable' }
  call.door.execute(ANY_READ, options, peerOf(call.request.raw.socket), ({ reply, error }) => {
    call.guard(() => {
      if (call.isGone) return
      const state = error === null ? decodeKvReply(reply) : null
      if (state === null || isKvFailure(state) || state.revision >= after) return open()
      call.refuse('COMPACTED', `the last change of this cluster is ${state.revision}`, {
        newest: state.revision,
      })
    })
  })
}

/** Last-Event-ID, as browsers send it when they connect again, stands before ?after. */
function positionOf(call: Call): Position {
  const lastEventId = call.header('last-event-id')
  const [what, text] =
    lastEventId === null || lastEventId === ''
      ? ['?after', call.query.text('after')]
      : ['Last-Event-ID', lastEventId]
  if (text === null) return { after: call.door.executor.position().revision }
  const match = POSITION.exec(text)
  const after = Number(match?.[1] ?? Number.NaN)
  if (!Number.isSafeInteger(after))
    throw badRequest(what, text, 'a revision, or the id of an event such as 42-0')
  const sub = match?.[2]
  return sub === undefined ? { after } : { after, afterSub: Number(sub) }
}

/**
 * Where a watch that began with what comes next has begun: a browser that loses its connection before the first event
 * goes on from there. Who asked for a beginning asks for it again.
 */
function firstId(call: Call, { revision }: Watch): string {
  const isFromNow = !call.query.has('after') && (call.header('last-event-id') ?? '') === ''
  return isFromNow ? `id: ${revision}\n` : ''
}

function formOf(call: Call): Form {
  const accepted = (call.header('accept') ?? '').includes('application/x-ndjson') ? 'ndjson' : 'sse'
  return call.query.choice('format', ['sse', 'ndjson'], accepted)
}

/** One client that watches. Over when its socket closes, when the door closes, or when it fell behind. */
class WatchStream {
  readonly #call: Call
  readonly #form: Form
  readonly #watch: Watch
  readonly #response: ServerResponse
  #heartbeat: Timer
  /** The socket is full: it says when it is not. */
  #isFull = false
  #hasEnded = false
  /** There may be more to send, in its turn. */
  #goesOn = false
  /** For the bytes that the client has not taken. */
  readonly #claim: Claim
  readonly #waiter: Waiter = { bytes: 1, go: () => this.pump() }

  static open(call: Call, options: WatchOptions, form: Form): WatchStream | null {
    let stream: WatchStream | null = null
    const watch = call.door.executor.watch(options, () => stream?.pump())
    if (watch === null) return null
    stream = new WatchStream(call, watch, form)
    stream.pump()
    return stream
  }

  private constructor(call: Call, watch: Watch, form: Form) {
    this.#call = call
    this.#form = form
    this.#watch = watch
    this.#heartbeat = this.#nextHeartbeat()
    call.stamp()
    call.reply.header('x-kvorum-revision', watch.revision)
    call.reply.header('content-type', TYPES[form])
    // Proxies shall not gather what is meant to arrive at once.
    call.reply.header('x-accel-buffering', 'no')
    call.reply.hijack()
    this.#response = call.reply.raw
    this.#response.writeHead(200, call.reply.getHeaders() as OutgoingHttpHeaders)
    this.#response.flushHeaders()
    this.#response.on('drain', () => {
      this.#isFull = false
      this.pump()
    })
    this.#claim = call.door.httpReplies.large.open(this.#response)
    whenOver(this.#response, () => this.#end())
    call.native.streams.add(this)
    if (form === 'sse') this.#write(`${firstId(call, watch)}retry: ${RETRY_MS}\n\n`)
  }

  /** Sends what there is, until there is nothing or the socket is full: some of it now, and the rest in later turns. */
  pump(): void {
    const { large, turns } = this.#call.door.httpReplies
    if (this.#isFull || this.#hasEnded || this.#goesOn) return
    if (large.isFull) return large.wait(this.#waiter)
    const events = this.#watch.take(TAKE_EVENTS, TAKE_BYTES)
    if (events === 'compacted') return this.#compacted()
    if (events.length === 0) return
    this.#write(events.map((event) => this.#text(event)).join(''))
    this.#goesOn = true
    turns.add(() => {
      this.#goesOn = false
      this.pump()
    })
  }

  /** The node leaves: the client goes on at another one, from the last event it saw. */
  finish(): void {
    this.#end()
    this.#response.end()
  }

  #text(event: WatchEvent): string {
    const { revision, sub, kind, key, item, database, other } = event
    const json: Record<string, unknown> = { id: `${revision}-${sub}`, event: kind, revision }
    if (key !== null) Object.assign(json, bytesJson('key', key))
    if (item !== null) json.item = detailsJson(item, item.updatedAt)
    if (kind === 'flush' || kind === 'swap') json.database = database
    if (kind === 'swap') json.other_database = other
    return this.#message(json)
  }

  #message(json: Record<string, unknown>): string {
    const data = JSON.stringify(json)
    if (this.#form === 'ndjson') return `${data}\n`
    // Changes have no name, so that EventSource.onmessage gets them.
    const name = json.event === 'progress' || json.event === 'compacted' ? `event: ${json.event}\n` : ''
    return `id: ${json.id}\n${name}data: ${data}\n\n`
  }

  #compacted(): void {
    const { revision } = this.#watch
    const oldest = this.#call.door.executor.oldestWatchRevision
    this.#write(this.#message({ id: String(revision), event: 'compacted', revision, oldest }))
    this.finish()
  }

  /** Also tells how far the client is (everything up to here was sent, or is of no concern to it), and the node. */
  #beat(): void {
    const { revision } = this.#watch
    const { leader } = this.#call.door.executor.position()
    const beat = { id: String(revision), event: 'progress', revision, leader: leader === '' ? null : leader }
    // A client that takes nothing gets none: its silence is what the server cuts it off for.
    if (!this.#isFull) this.#write(this.#message(beat))
    this.#heartbeat = this.#nextHeartbeat()
  }

  #nextHeartbeat(): Timer {
    return this.#call.door.clock.setTimer(HEARTBEAT_MS, () => this.#beat())
  }

  #write(text: string): void {
    const bytes = Buffer.from(text)
    this.#count(bytes.length)
    if (!this.#response.write(bytes, () => this.#taken(bytes.length))) this.#isFull = true
  }

  #taken(bytes: number): void {
    if (!this.#hasEnded) this.#count(-bytes)
  }

  /** R20: so many bytes more wait for the client, or fewer, since it took them. */
  #count(bytes: number): void {
    this.#claim.sent()
    this.#claim.resize(this.#claim.bytes + bytes)
  }

  #end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#heartbeat.cancel()
    this.#watch.close()
    this.#call.door.httpReplies.large.leave(this.#waiter)
    this.#claim.release()
    this.#call.native.streams.delete(this)
  }
}
