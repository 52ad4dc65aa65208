/**
 * Pub/sub on one node: brings each PUBLISH of the log and each keyspace notice to this node's subscribers, in log
 * order, while the entry is applied. All nodes have one log, so all subscribers see one order. Listens to effects only
 * while there are subscribers. When a snapshot replaces the state, messages were passed over: subscribers are cut off,
 * so that they know.
 */
import type { EffectsListener, Executor } from '../../cluster/execute.ts'
import type { Effects, Message, Notice } from '../../engine/effects.ts'
import { globMatches } from '../../engine/glob.ts'
import { noticeClasses, parseNoticeClasses } from '../../engine/notice-classes.ts'
import { toByteString } from '../../lib/bytes.ts'
import type { Client } from '../client.ts'
import type { Log } from '../config.ts'
import { confirmation, type Frame, messageFrame, patternFrame } from './frames.ts'
import { type Audience, type SubscriptionKind, Subscriptions } from './subscriptions.ts'

/** The words that clients give and get. */
const VERBS = {
  channel: ['subscribe', 'unsubscribe'],
  pattern: ['psubscribe', 'punsubscribe'],
  shard: ['ssubscribe', 'sunsubscribe'],
} as const satisfies Record<SubscriptionKind, readonly [string, string]>

export interface PubSubOptions {
  readonly executor: Executor
  readonly log: Log
  /** notify-keyspace-events of this node's configuration: holds until clients set it for the cluster. */
  readonly notices: string
}

export class PubSub implements EffectsListener {
  readonly #options: PubSubOptions
  readonly subscriptions = new Subscriptions()
  #stopListening: (() => void) | null = null
  #classes = 0
  /** Receivers here of the messages of the command applied last; what is not asked for is dropped. */
  #receivers: number[] = []

  constructor(options: PubSubOptions) {
    this.#options = options
  }

  /** notify-keyspace-events as it holds on this node. */
  get noticeSetting(): string {
    return this.#options.executor.setting('notify-keyspace-events') ?? this.#options.notices
  }

  /** Takes effect at once: the caller has confirmed an index before. The confirmations, in canonical form. */
  subscribe(client: Client, kind: SubscriptionKind, names: readonly Buffer[]): Buffer {
    const replies = names.map((name) =>
      confirmation(VERBS[kind][0], name, this.subscriptions.add(client, kind, name)),
    )
    this.#listen()
    return Buffer.concat(replies)
  }

  /** Ends the given subscriptions, or all of the kind when none is given. */
  unsubscribe(client: Client, kind: SubscriptionKind, names: readonly Buffer[]): Buffer {
    const ended = names.length > 0 ? names : this.subscriptions.namesOf(client, kind)
    if (ended.length === 0) {
      return confirmation(VERBS[kind][1], null, client.subscriptions?.countFor(kind) ?? 0)
    }
    const replies = ended.map((name) =>
      confirmation(VERBS[kind][1], name, this.subscriptions.remove(client, kind, name)),
    )
    this.#listen()
    return Buffer.concat(replies)
  }

  /** The client is gone, or starts over. */
  forget(client: Client): void {
    if (client.subscriptions === null) return
    this.subscriptions.removeAll(client)
    this.#listen()
  }

  /** How many of this node's subscribers got the next message of the command that was applied just now. */
  takeReceivers(): number {
    return this.#receivers.shift() ?? 0
  }

  effects({ notices, messages, settingsChanged }: Effects): void {
    this.#receivers.length = 0
    if (settingsChanged) this.#chooseNotices()
    let next = 0
    for (const message of messages) {
      for (; next < notices.length && (notices[next] as Notice).order < message.order; next++) {
        this.#tell(notices[next] as Notice)
      }
      this.#receivers.push(this.#deliver(message))
    }
    for (; next < notices.length; next++) this.#tell(notices[next] as Notice)
  }

  reset(): void {
    this.#receivers.length = 0
    this.#chooseNotices()
    const clients = this.subscriptions.clients()
    if (clients.size === 0) return
    this.#options.log('warn', 'Subscribers are cut off: a snapshot passed over messages', {
      clients: clients.size,
    })
    for (const client of clients) client.destroy()
  }

  /** Also when subscriptions changed: what nobody is to be told is not built. */
  #listen(): void {
    const { executor } = this.#options
    if (this.subscriptions.isEmpty) {
      this.#stopListening?.()
      this.#stopListening = null
      this.#receivers.length = 0
    } else {
      this.#stopListening ??= executor.listen(this)
    }
    this.#chooseNotices()
  }

  #chooseNotices(): void {
    const { channel, pattern } = this.subscriptions
    const isHeard = channel.size > 0 || pattern.size > 0
    const classes = isHeard ? (parseNoticeClasses(this.noticeSetting) ?? 0) : 0
    const channels = classes & (noticeClasses.K | noticeClasses.E)
    this.#classes = classes
    this.#options.executor.wantNotices(channels === 0 ? 0 : classes & ~channels)
  }

  #tell({ event, database, key }: Notice): void {
    if ((this.#classes & noticeClasses.K) !== 0) {
      const channel = Buffer.concat([Buffer.from(`__keyspace@${database}__:`), key])
      this.#send(channel, Buffer.from(event))
    }
    if ((this.#classes & noticeClasses.E) !== 0) {
      this.#send(Buffer.from(`__keyevent@${database}__:${event}`), key)
    }
  }

  #deliver({ channel, payload, sharded }: Message): number {
    if (!sharded) return this.#send(channel, payload)
    const audience = this.subscriptions.shard.get(toByteString(channel))
    return audience === undefined ? 0 : pushAll(audience, messageFrame('smessage', channel, payload))
  }

  /** To the subscribers of the channel, then to those of patterns; how many got it. */
  #send(channel: Buffer, payload: Buffer): number {
    const audience = this.subscriptions.channel.get(toByteString(channel))
    let count = audience === undefined ? 0 : pushAll(audience, messageFrame('message', channel, payload))
    for (const followers of this.subscriptions.pattern.values()) {
      if (!globMatches(followers.name, channel)) continue
      count += pushAll(followers, patternFrame(followers.name, channel, payload))
    }
    return count
  }
}

/** One that is cut off for not taking its messages leaves the set meanwhile. */
function pushAll({ clients }: Audience, frame: Frame): number {
  let count = 0
  for (const client of clients) {
    client.push(frame.in(client.protocol))
    count++
  }
  return count
}
