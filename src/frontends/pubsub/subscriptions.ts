/**
 * Who subscribed to what on this node: channels, patterns and shard channels, found by name and by client. Bounded: a
 * connection has at most limits.subscriptions of them, all of a node together limits.subscriptionBytes (R20).
 */
import { type ByteString, fromByteString, toByteString } from '../../lib/bytes.ts'
import { limits } from '../../protocol/limits.ts'
import type { Client } from '../client.ts'

/** The three ways of subscribing; each has its own names. */
export type SubscriptionKind = 'channel' | 'pattern' | 'shard'

/** What one subscription costs beside its name, in bytes, roughly. */
const OVERHEAD_BYTES = 64

/** What one client subscribed to. */
export class ClientSubscriptions {
  readonly channel = new Set<ByteString>()
  readonly pattern = new Set<ByteString>()
  readonly shard = new Set<ByteString>()

  get size(): number {
    return this.channel.size + this.pattern.size + this.shard.size
  }

  /** The number that a confirmation shows: shard channels are counted by themselves. */
  countFor(kind: SubscriptionKind): number {
    return kind === 'shard' ? this.shard.size : this.channel.size + this.pattern.size
  }
}

/** The clients behind one name. */
export interface Audience {
  readonly name: Buffer
  readonly clients: Set<Client>
}

export type Audiences = Map<ByteString, Audience>

export class Subscriptions {
  readonly channel: Audiences = new Map()
  readonly pattern: Audiences = new Map()
  readonly shard: Audiences = new Map()
  #bytes = 0

  get isEmpty(): boolean {
    return this.channel.size === 0 && this.pattern.size === 0 && this.shard.size === 0
  }

  /** True when `names` more subscriptions would be too many. */
  isTooMuch(client: Client, names: readonly Buffer[]): boolean {
    let bytes = this.#bytes
    for (const name of names) bytes += name.length + OVERHEAD_BYTES
    const own = (client.subscriptions?.size ?? 0) + names.length
    return own > limits.subscriptions || bytes > limits.subscriptionBytes
  }

  /** The number that the confirmation shows; a second subscription to the same name changes nothing. */
  add(client: Client, kind: SubscriptionKind, name: Buffer): number {
    let own = client.subscriptions
    if (own === null) {
      own = new ClientSubscriptions()
      client.setSubscriptions(own)
    }
    const text = toByteString(name)
    if (!own[kind].has(text)) {
      own[kind].add(text)
      this.#bytes += text.length + OVERHEAD_BYTES
      const audience = this[kind].get(text)
      if (audience !== undefined) audience.clients.add(client)
      else this[kind].set(text, { name: Buffer.from(name), clients: new Set([client]) })
    }
    return own.countFor(kind)
  }

  /** The number that the confirmation shows. */
  remove(client: Client, kind: SubscriptionKind, name: Buffer): number {
    const own = client.subscriptions
    if (own === null) return 0
    const text = toByteString(name)
    if (own[kind].delete(text)) this.#forget(client, kind, text)
    if (own.size === 0) client.setSubscriptions(null)
    return own.countFor(kind)
  }

  /** The names that `client` has, in the order in which they came. */
  namesOf(client: Client, kind: SubscriptionKind): Buffer[] {
    return [...(client.subscriptions?.[kind] ?? [])].map(fromByteString)
  }

  /** The client is gone, or starts over. */
  removeAll(client: Client): void {
    const own = client.subscriptions
    if (own === null) return
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const text of own[kind]) this.#forget(client, kind, text)
    }
    client.setSubscriptions(null)
  }

  /** Every client with a subscription. */
  clients(): Set<Client> {
    const all = new Set<Client>()
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const { clients } of this[kind].values()) for (const client of clients) all.add(client)
    }
    return all
  }

  #forget(client: Client, kind: SubscriptionKind, text: ByteString): void {
    this.#bytes -= text.length + OVERHEAD_BYTES
    const clients = this[kind].get(text)?.clients
    clients?.delete(client)
    if (clients?.size === 0) this[kind].delete(text)
  }
}
