/**
 * Unmodified clients that publish and subscribe. A publisher counts in the same transaction, so that every acknowledged
 * message has its number in the log's order; a subscriber keeps what it got, cut where its connection broke.
 */

import { type ClientKind, PATIENT } from './load.ts'
import type { NodeProcess } from './node-process.ts'
import { pause } from './wait.ts'

export const CHANNEL = 'messages'
const NUMBERS = 'messages:count'
const RECONNECT_MS = 20

/** What a publisher was told: its message is the `number`-th of all. */
export interface Acknowledged {
  readonly number: number
  readonly message: string
}

/** One connection that publishes, one transaction at a time; nothing is sent twice. */
interface PublishDriver {
  /** The number of the message. */
  publish(message: string): Promise<number>
  close(): void
}

export class Publisher {
  readonly node: NodeProcess
  readonly name: string
  readonly acknowledged: Acknowledged[] = []
  /** Refused or without an answer: they may have been published or not. */
  failed = 0
  readonly #driver: PublishDriver
  #isStopped = false
  #done: Promise<void> = Promise.resolve()

  constructor(node: NodeProcess, name: string, driver: PublishDriver) {
    this.node = node
    this.name = name
    this.#driver = driver
  }

  start(): void {
    this.#done = this.#run()
  }

  /** Ends after the answer to what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#done
    this.#driver.close()
  }

  async #run(): Promise<void> {
    for (let count = 1; !this.#isStopped; count++) {
      const message = `${this.name}:${count}`
      try {
        this.acknowledged.push({ number: await this.#driver.publish(message), message })
      } catch {
        this.failed++
        await pause(RECONNECT_MS)
      }
    }
  }
}

export async function openPublisher(kind: ClientKind, node: NodeProcess, name: string): Promise<Publisher> {
  const driver = await (kind.startsWith('io') ? publishByIoredis(kind, node) : publishByNodeRedis(kind, node))
  return new Publisher(node, name, driver)
}

async function publishByIoredis(kind: ClientKind, node: NodeProcess): Promise<PublishDriver> {
  const { Redis } = await import(kind)
  const { host, redisPort: port } = node.options
  const redis = new Redis({
    host,
    port,
    retryStrategy: () => RECONNECT_MS,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  })
  redis.on('error', () => {})
  await redis.ping()
  return {
    publish: async (message) => {
      const replies = await redis.multi().incr(NUMBERS).publish(CHANNEL, message).exec()
      return numberIn(replies?.[0]?.[1])
    },
    close: () => redis.disconnect(),
  }
}

async function publishByNodeRedis(kind: ClientKind, node: NodeProcess): Promise<PublishDriver> {
  const { createClient } = await import(kind)
  const { host, redisPort: port } = node.options
  const socket = { host, port, reconnectStrategy: () => RECONNECT_MS }
  const client = createClient({ socket, commandOptions: PATIENT })
  client.on('error', () => {})
  await client.connect()
  return {
    publish: async (message) => {
      const replies = await client.multi().incr(NUMBERS).publish(CHANNEL, message).exec()
      return numberIn(replies?.[0])
    },
    close: () => client.destroy(),
  }
}

function numberIn(reply: unknown): number {
  if (typeof reply !== 'number') throw new Error(`EXEC answered ${String(reply)}`)
  return reply
}

/** One connection that subscribed to CHANNEL, again after each break. */
export class Subscriber {
  readonly node: NodeProcess
  readonly kind: ClientKind
  /** What each of its connections got, in order; the last one is open. */
  readonly segments: string[][] = [[]]
  #close: () => void = () => {}

  private constructor(node: NodeProcess, kind: ClientKind) {
    this.node = node
    this.kind = kind
  }

  static async open(kind: ClientKind, node: NodeProcess): Promise<Subscriber> {
    const subscriber = new Subscriber(node, kind)
    await (kind.startsWith('io') ? subscriber.#openIoredis() : subscriber.#openNodeRedis())
    return subscriber
  }

  /** Times that its connection broke. */
  get breaks(): number {
    return this.segments.length - 1
  }

  /** What its present connection got. */
  get current(): readonly string[] {
    return this.segments[this.breaks] ?? []
  }

  close(): void {
    this.#close()
  }

  #got(message: string): void {
    this.segments[this.breaks]?.push(message)
  }

  #broke(): void {
    this.segments.push([])
  }

  async #openIoredis(): Promise<void> {
    const { Redis } = await import(this.kind)
    const { host, redisPort: port } = this.node.options
    const redis = new Redis({ host, port, retryStrategy: () => RECONNECT_MS, maxRetriesPerRequest: null })
    redis.on('error', () => {})
    redis.on('close', () => this.#broke())
    redis.on('message', (_channel: string, message: string) => this.#got(message))
    await redis.subscribe(CHANNEL)
    this.#close = () => redis.disconnect()
  }

  async #openNodeRedis(): Promise<void> {
    const { createClient } = await import(this.kind)
    const { host, redisPort: port } = this.node.options
    const socket = { host, port, reconnectStrategy: () => RECONNECT_MS }
    const client = createClient({ socket, commandOptions: PATIENT })
    client.on('error', () => {})
    client.on('reconnecting', () => this.#broke())
    await client.connect()
    await client.subscribe(CHANNEL, (message: string) => this.#got(message))
    this.#close = () => client.destroy()
  }
}
