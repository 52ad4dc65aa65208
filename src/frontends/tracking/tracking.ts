/**
 * CLIENT TRACKING on one node: remembers what its connections read, and tells them when the log changes it. A read is
 * remembered in the moment it was executed here, before anything else can be applied, so no change falls between the
 * two. What a change outdates is told behind the replies that came before it (resp/reply-queue.ts).
 */
import type { EffectsListener, ExecuteDone, Executor, Session } from '../../cluster/execute.ts'
import type { Effects, RecordChange } from '../../engine/effects.ts'
import { type ByteString, fromByteString, toByteString } from '../../lib/bytes.ts'
import type { Command } from '../../protocol/commands.ts'
import { arrayReply, bulkReply, integerReply } from '../../protocol/reply.ts'
import type { Client } from '../client.ts'
import { Frame } from '../pubsub/frames.ts'
import { ClientTracking, type TrackingOptions } from './client-tracking.ts'
import { keysRead, wasExecuted } from './keys-read.ts'
import { TrackingTable } from './table.ts'

const INVALIDATE = bulkReply(Buffer.from('invalidate'))
const REDIRECT_BROKEN = bulkReply(Buffer.from('tracking-redir-broken'))
/** RESP2 connections are told by a message on this channel. */
const MESSAGE = bulkReply(Buffer.from('message'))
const CHANNEL = bulkReply(Buffer.from('__redis__:invalidate'))
const RESP3_NULL = Buffer.from('_\r\n')
const RESP2_NULL = Buffer.from('$-1\r\n')

export class Tracking implements EffectsListener {
  readonly #executor: Executor
  readonly #clients: ReadonlyMap<number, Client>
  readonly #table = new TrackingTable()
  /** Every connection with tracking on. */
  readonly #tracking = new Set<Client>()
  /** Those of mode 'broadcast', by prefix. */
  readonly #prefixes = new Map<ByteString, Set<Client>>()
  #stopListening: (() => void) | null = null

  /** `clients`: all of the node, by number. */
  constructor(executor: Executor, clients: ReadonlyMap<number, Client>) {
    this.#executor = executor
    this.#clients = clients
  }

  get clientCount(): number {
    return this.#tracking.size
  }

  get keyCount(): number {
    return this.#table.size
  }

  get prefixCount(): number {
    return this.#prefixes.size
  }

  turnOn(client: Client, options: TrackingOptions): void {
    this.#removePrefixes(client)
    client.tracking = new ClientTracking(options)
    this.#tracking.add(client)
    for (const prefix of options.prefixes) {
      const text = toByteString(prefix)
      const clients = this.#prefixes.get(text)
      if (clients === undefined) this.#prefixes.set(text, new Set([client]))
      else clients.add(client)
    }
    this.#stopListening ??= this.#executor.listen(this)
  }

  /** Also when the client is gone, or starts over. What it read is forgotten as the keys change. */
  turnOff(client: Client): void {
    if (client.tracking === null) return
    this.#removePrefixes(client)
    client.tracking = null
    this.#tracking.delete(client)
    if (this.#tracking.size > 0) return
    this.#stopListening?.()
    this.#stopListening = null
    this.#table.clear()
  }

  /** Wraps `done` of a command of `client`, so that what it reads is remembered when it was executed. */
  noting(client: Client, command: Command, done: ExecuteDone): ExecuteDone {
    if (client.tracking?.isTracked !== true) return done
    const read = keysRead(command)
    if (read === null) return done
    return (result) => {
      const isTracked =
        client.tracking !== null && result.error === null && wasExecuted(command, result.reply)
      if (isTracked) this.#remember(client, read.keys)
      done(result)
      if (!isTracked || read.outdated.length === 0) return
      if (client.tracking?.options.noLoop === true) this.#remember(client, read.outdated)
      else this.#tell(client, read.outdated)
    }
  }

  effects({ changes }: Effects, author: Session | null): void {
    if (changes.length === 0) return
    if (changes.some((change) => 'other' in change)) return this.#everythingChanged()
    const records = changes as readonly RecordChange[]
    for (const { key } of records) this.#changed(toByteString(key), author)
    if (this.#prefixes.size > 0) this.#broadcast(records, author)
  }

  reset(): void {
    this.#everythingChanged()
  }

  #remember(client: Client, keys: readonly Buffer[]): void {
    for (const key of keys) this.#table.add(toByteString(key), client.id)
    while (this.#table.isTooLarge) this.#changed(this.#table.oldest() ?? '', null)
  }

  #changed(key: ByteString, author: Session | null): void {
    const ids = this.#table.take(key)
    if (ids.length === 0) return
    const told = [fromByteString(key)]
    for (const id of ids) {
      const client = this.#clients.get(id)
      const options = client?.tracking?.options
      if (client === undefined || options === undefined || options.mode === 'broadcast') continue
      // It knows its own change, but not the next one: it stays a reader.
      if (options.noLoop && client.session === author) this.#table.add(key, id)
      else this.#tell(client, told)
    }
  }

  #broadcast(changes: readonly RecordChange[], author: Session | null): void {
    for (const [text, clients] of this.#prefixes) {
      const prefix = fromByteString(text)
      const keys = changes.map(({ key }) => key).filter((key) => startsWith(key, prefix))
      if (keys.length === 0) continue
      for (const client of clients) {
        const isOwn = client.session === author && client.tracking?.options.noLoop === true
        if (!isOwn) this.#tell(client, keys)
      }
    }
  }

  /** Databases were emptied, exchanged or replaced. */
  #everythingChanged(): void {
    this.#table.clear()
    for (const client of this.#tracking) this.#tell(client, null)
  }

  /** `keys` null = all. */
  #tell(client: Client, keys: readonly Buffer[] | null): void {
    const tracking = client.tracking
    if (tracking === null) return
    const { redirect } = tracking.options
    const target = redirect === 0 ? client : this.#clients.get(redirect)
    if (target === undefined) return this.#tellBroken(client, tracking)
    const list = keys === null ? null : arrayReply(keys.map(bulkReply))
    if (target.protocol === 3) {
      target.push(new Frame([INVALIDATE, list ?? RESP3_NULL]).in(3))
    } else if (redirect !== 0 && target.subscriptions !== null) {
      target.push(new Frame([MESSAGE, CHANNEL, list ?? RESP2_NULL]).in(2))
    }
  }

  #tellBroken(client: Client, tracking: ClientTracking): void {
    tracking.isRedirectBroken = true
    if (client.protocol !== 3) return
    client.push(new Frame([REDIRECT_BROKEN, integerReply(tracking.options.redirect)]).in(3))
  }

  #removePrefixes(client: Client): void {
    for (const prefix of client.tracking?.options.prefixes ?? []) {
      const text = toByteString(prefix)
      const clients = this.#prefixes.get(text)
      clients?.delete(client)
      if (clients?.size === 0) this.#prefixes.delete(text)
    }
  }
}

function startsWith(key: Buffer, prefix: Buffer): boolean {
  return key.length >= prefix.length && key.subarray(0, prefix.length).equals(prefix)
}
