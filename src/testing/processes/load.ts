/**
 * Unmodified clients that count: each increments a counter of its own, one command at a time, and keeps what
 * it was told. What a client may add by itself is counted too: ioredis sends again what was under way when
 * its connection broke; node-redis fails it, and the next increment is its caller's resend.
 */

import assert from 'node:assert/strict'
import { replyText } from '../../client/reply.ts'
import type { NodeProcess } from './node-process.ts'
import { pause, until } from './wait.ts'

export const clientKinds = ['ioredis5', 'redis5', 'ioredis6', 'redis6'] as const
export type ClientKind = (typeof clientKinds)[number]

const RECONNECT_MS = 20
/** node-redis 6 gives a command up after 5 s by itself, which would judge the machine. */
export const PATIENT = { timeout: 120_000 }

/** What one real client can do here. */
export interface Driver {
  increment(key: string): Promise<number>
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<unknown>
  /** Times that its connection broke. */
  readonly breaks: () => number
  close(): void
}

/** Clients that reconnect keep a process alive: whatever a scenario left open is closed at its end. */
const open = new Set<Driver>()

/** Closes every client that is open; for a scenario that failed. */
export function closeDrivers(): void {
  for (const driver of open) driver.close()
  open.clear()
}

/** Opens a client of that kind that reconnects for ever, until closeDrivers(). */
async function openDriver(kind: ClientKind, node: NodeProcess): Promise<Driver> {
  const isIoredis = kind === 'ioredis5' || kind === 'ioredis6'
  const driver = await (isIoredis ? openIoredis(kind, node) : openNodeRedis(kind, node))
  open.add(driver)
  return driver
}

async function openIoredis(kind: 'ioredis5' | 'ioredis6', node: NodeProcess): Promise<Driver> {
  const { Redis } = await import(kind)
  const { host, redisPort: port } = node.options
  const redis = new Redis({ host, port, retryStrategy: () => RECONNECT_MS, maxRetriesPerRequest: null })
  let breaks = 0
  redis.on('error', () => {})
  redis.on('close', () => breaks++)
  await redis.ping()
  return {
    increment: (key) => redis.incr(key),
    get: (key) => redis.get(key),
    set: (key, value) => redis.set(key, value),
    breaks: () => breaks,
    close: () => redis.disconnect(),
  }
}

async function openNodeRedis(kind: 'redis5' | 'redis6', node: NodeProcess): Promise<Driver> {
  const { createClient } = await import(kind)
  const { host, redisPort: port } = node.options
  const socket = { host, port, reconnectStrategy: () => RECONNECT_MS }
  const client = createClient({ socket, commandOptions: PATIENT })
  let breaks = 0
  client.on('error', () => {})
  client.on('reconnecting', () => breaks++)
  await client.connect()
  return {
    increment: (key) => client.incr(key) as Promise<number>,
    get: (key) => client.get(key) as Promise<string | null>,
    set: (key, value) => client.set(key, value),
    breaks: () => breaks,
    close: () => client.destroy(),
  }
}

/** One counting client. */
export class Counter {
  readonly node: NodeProcess
  readonly kind: ClientKind
  readonly key: string
  readonly #driver: Driver
  readonly #stamps: number[]
  acknowledged = 0
  /** Error replies of the server, and everything else that is not a broken connection. */
  readonly errors: string[] = []
  /** Increments that failed with the connection, or that the client gave up: whether they count is not known. */
  unknown = 0
  #isStopped = false
  #done: Promise<void> = Promise.resolve()

  constructor(options: {
    node: NodeProcess
    kind: ClientKind
    key: string
    driver: Driver
    stamps: number[]
  }) {
    this.node = options.node
    this.kind = options.kind
    this.key = options.key
    this.#driver = options.driver
    this.#stamps = options.stamps
  }

  /** Most increments that its library may have sent a second time, and those of unknown outcome. */
  get mayAdd(): number {
    const outcomes = this.unknown + this.errors.filter((error) => error.includes('UNKNOWN')).length
    return this.kind.startsWith('ioredis') ? this.#driver.breaks() + outcomes : outcomes
  }

  /** Times that its connection broke. */
  get breaks(): number {
    return this.#driver.breaks()
  }

  start(): void {
    this.#done = this.#run()
  }

  /**
   * Ends after the increment under way is answered; a client that gets no answer is given up after `limitMs`.
   */
  async stop(limitMs = 120_000): Promise<void> {
    this.#isStopped = true
    const late = new AbortController()
    const isLate = await Promise.race([
      this.#done.then(() => false),
      pause(limitMs, late.signal).then(
        () => true,
        () => false,
      ),
    ])
    late.abort()
    if (isLate) this.errors.push(`no answer within ${limitMs} ms`)
    open.delete(this.#driver)
    this.#driver.close()
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#driver.increment(this.key)
        this.acknowledged++
        this.#stamps.push(performance.now())
      } catch (error) {
        await this.#failed(error as Error)
      }
    }
  }

  async #failed(error: Error): Promise<void> {
    if (!open.has(this.#driver)) this.#isStopped = true
    if (isConnectionError(error) || isClientTimeout(error)) this.unknown++
    else this.errors.push(`${error.name}: ${error.message}`)
    await pause(RECONNECT_MS)
  }
}

function isConnectionError(error: Error): boolean {
  return /socket|connection|ECONN|EPIPE/i.test(`${error.name} ${error.message}`)
}

/** node-redis 6 gives up after 5 s by itself: how slow the machine was, not what the server said. */
function isClientTimeout(error: Error): boolean {
  return error.constructor.name === 'TimeoutError'
}

function assertCounted(counter: Counter, value: number, beyond: number): void {
  const { acknowledged, kind, key, breaks, node } = counter
  const what = `${key} (${kind} at ${node.name}): ${value} counted, ${acknowledged} acknowledged, ${breaks} breaks`
  assert.ok(value >= acknowledged, `${what}: acknowledged increments were lost`)
  assert.ok(value <= acknowledged + beyond, `${what}, at most ${beyond} more expected: executed twice`)
}

/** Counting clients spread evenly over nodes, and when each node's clients were last answered. */
export class Load {
  readonly counters: readonly Counter[]
  readonly #stamps: ReadonlyMap<NodeProcess, number[]>

  private constructor(counters: readonly Counter[], stamps: ReadonlyMap<NodeProcess, number[]>) {
    this.counters = counters
    this.#stamps = stamps
  }

  /** Opens `count` clients, alternating kinds on each node; they run until stop(). */
  static async start(nodes: readonly NodeProcess[], count: number): Promise<Load> {
    const stamps = new Map(nodes.map((node) => [node, [] as number[]]))
    const opening = Array.from({ length: count }, async (_, i) => {
      const node = nodes[i % nodes.length] as NodeProcess
      const kind = clientKinds[Math.floor(i / nodes.length) % clientKinds.length] as ClientKind
      const driver = await openDriver(kind, node)
      return new Counter({ node, kind, key: `counter:${i}`, driver, stamps: stamps.get(node) ?? [] })
    })
    const load = new Load(await Promise.all(opening), stamps)
    for (const counter of load.counters) counter.start()
    return load
  }

  get acknowledged(): number {
    return this.counters.reduce((sum, counter) => sum + counter.acknowledged, 0)
  }

  of(nodes: readonly NodeProcess[]): Counter[] {
    return this.counters.filter((counter) => nodes.includes(counter.node))
  }

  /** Forgets when clients were answered; gap() looks at what comes from now on. */
  mark(): void {
    for (const stamps of this.#stamps.values()) stamps.length = 0
  }

  /** Answers since mark() at a node. */
  answersAt(node: NodeProcess): number {
    return this.#stamps.get(node)?.length ?? 0
  }

  /** The longest time since mark() in which no client of `nodes` was answered, in milliseconds. */
  gap(nodes: readonly NodeProcess[]): number {
    const all = nodes.flatMap((node) => this.#stamps.get(node) ?? []).sort((a, b) => a - b)
    let longest = 0
    for (let i = 1; i < all.length; i++) longest = Math.max(longest, (all[i] ?? 0) - (all[i - 1] ?? 0))
    return Math.round(longest * 10) / 10
  }

  /** Waits until clients of each of `nodes` were answered that often since mark(). */
  async answers(nodes: readonly NodeProcess[], count: number): Promise<void> {
    await until(`${count} answers at ${nodes.map((node) => node.name).join(', ')}`, () =>
      nodes.every((node) => this.answersAt(node) >= count),
    )
  }

  /** Ends all clients; what is under way is answered first. */
  async stop(): Promise<void> {
    await Promise.all(this.counters.map((counter) => counter.stop()))
  }

  /**
   * Compares every counter, read through `node`, with what its client was told. `beyond`: how much more than
   * its acknowledged increments a counter may show. Gives the sum of what is beyond.
   */
  async judge(node: NodeProcess, beyond: (counter: Counter) => number): Promise<number> {
    const connection = await node.connect()
    let sum = 0
    try {
      for (const counter of this.counters) {
        const value = Number(replyText(await connection.command('GET', counter.key)))
        sum += value - counter.acknowledged
        assertCounted(counter, value, beyond(counter))
      }
    } finally {
      connection.close()
    }
    return sum
  }
}
