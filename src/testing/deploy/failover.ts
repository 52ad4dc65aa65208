/**
 * Failover as an unmodified client sees it through HAProxy: ioredis with nothing but host and port increments a counter
 * while the leader is killed or frozen, once per round.
 */
import assert from 'node:assert/strict'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { pause, until } from '../processes/wait.ts'
import { Haproxy } from './haproxy.ts'

const ANSWERS = 20
const PAUSE_MS = 2

export interface FailoverOptions {
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  /** Through the section that knows the leader alone, or the one of all ready nodes. */
  readonly via: 'redisLeader' | 'redis'
  readonly rounds: number
  /** Connections: one client each. */
  readonly clients: number
}

export interface FailoverReport extends FailoverOptions {
  readonly acknowledged: number
  /** Errors that the callers of the clients saw. */
  readonly errors: Readonly<Record<string, number>>
  /** Longest time of a round in which a client that was touched had no success, in milliseconds. */
  readonly gapMs: Summary
  readonly machine: { readonly cores: number; readonly load1: number }
}

/** `edit` changes the shipped configuration. */
export function failover(
  options: FailoverOptions,
  edit: (config: string) => string = (config) => config,
): Promise<FailoverReport> {
  const run = async (cluster: TestCluster, haproxy: Haproxy): Promise<FailoverReport> => {
    const gaps: number[] = []
    await haproxy.settled(() => cluster.leader(), cluster.nodes)
    const clients = await Promise.all(
      Array.from({ length: options.clients }, (_, i) =>
        Incrementer.open(haproxy.ports[options.via], `counter${i}`),
      ),
    )
    const { load1 } = machine()
    try {
      for (let round = 0; round < options.rounds; round++)
        gaps.push(await loseLeader(cluster, haproxy, clients, options.signal))
    } finally {
      await Promise.all(clients.map((client) => client.stop()))
    }
    for (const client of clients) await client.judge(cluster.node(0))
    return {
      ...options,
      acknowledged: clients.reduce((sum, client) => sum + client.acknowledged, 0),
      errors: tally(clients.flatMap((client) => client.errors)),
      gapMs: summarize(gaps),
      machine: { ...machine(), load1 },
    }
  }
  return withCluster({}, (cluster) => Haproxy.with(cluster.nodes, (haproxy) => run(cluster, haproxy), edit))
}

async function loseLeader(
  cluster: TestCluster,
  haproxy: Haproxy,
  clients: readonly Incrementer[],
  signal: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  const leader = await cluster.leader()
  const survivors = cluster.others(leader)
  await answered(clients, ANSWERS)
  for (const client of clients) client.mark()
  leader.signal(signal)
  if (signal === 'SIGKILL') await leader.exited()
  await cluster.leader(survivors, leader)
  // A frozen node keeps its connections open: nobody may wait for it.
  await answered(clients, ANSWERS)
  const gap = Math.max(...clients.map((client) => client.gapMs))
  if (signal === 'SIGSTOP') leader.signal('SIGCONT')
  else leader.start()
  await leader.ready()
  await haproxy.settled(() => cluster.leader(), cluster.nodes)
  return gap
}

/** Waits until every client has had `count` more answers. */
async function answered(clients: readonly Incrementer[], count: number): Promise<void> {
  const goals = clients.map((client) => client.acknowledged + count)
  await until('answers to all clients', () =>
    clients.every((client, i) => client.acknowledged >= (goals[i] as number)),
  )
}

/** One ioredis that increments its counter, one call at a time, and again after an error. */
class Incrementer {
  readonly key: string
  readonly errors: string[] = []
  acknowledged = 0
  /** Longest time without success since mark(). */
  gapMs = 0
  readonly #redis: IoRedis
  #lastMs = performance.now()
  #breaks = 0
  #isStopped = false
  readonly #done: Promise<void>

  constructor(redis: IoRedis, key: string) {
    this.#redis = redis
    this.key = key
    redis.on('error', () => {})
    redis.on('close', () => this.#breaks++)
    this.#done = this.#run()
  }

  /** With the client's own defaults. */
  static async open(port: number, key: string): Promise<Incrementer> {
    const { Redis } = await import('ioredis5')
    const redis: IoRedis = new Redis(port, '127.0.0.1')
    return new Incrementer(redis, key)
  }

  mark(): void {
    this.gapMs = 0
    this.#lastMs = performance.now()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#done
    this.#redis.disconnect()
  }

  /**
   * Every acknowledged increment counts once. ioredis sends what was under way once more after a broken connection, and
   * a call that failed may have counted, so that there may be more.
   */
  async judge(node: NodeProcess): Promise<void> {
    const connection = await node.connect()
    const reply = await connection.command('GET', this.key)
    connection.close()
    const counted = reply.kind === 'bulk' ? Number(reply.bytes.toString()) : Number.NaN
    assert.ok(
      counted >= this.acknowledged,
      `${this.key} counts ${counted}, acknowledged ${this.acknowledged}`,
    )
    assert.ok(
      counted <= this.acknowledged + this.#breaks + this.errors.length,
      `${this.key} counts ${counted}`,
    )
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#redis.incr(this.key)
        this.acknowledged++
        const nowMs = performance.now()
        this.gapMs = Math.max(this.gapMs, nowMs - this.#lastMs)
        this.#lastMs = nowMs
      } catch (error) {
        this.errors.push((error as Error).message)
      }
      await pause(PAUSE_MS)
    }
  }
}

/** What is used of ioredis. */
interface IoRedis {
  incr(key: string): Promise<number>
  on(event: string, listener: () => void): unknown
  disconnect(): void
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
