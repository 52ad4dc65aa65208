/**
 * The same random commands to a cluster of three, through whichever node, and to Debian's redis-server: every
 * reply must be the same to the byte, in RESP2 and in RESP3, transactions and watched keys included; over one
 * connection at a time, then over many at once. What may differ is listed in differential-differences.ts.
 */
import { SeededRandom } from '../../lib/random.ts'
import { limits } from '../../protocol/limits.ts'
import { RespClient } from '../clients/resp-client.ts'
import { assertSameReply, CommandScript } from '../engine/command-script.ts'
import type { Word } from '../engine/engine-client.ts'
import { ScriptScript } from '../engine/script-script.ts'
import { StringScript } from '../engine/string-script.ts'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import { type RedisServer, startRedisServer } from '../redis-server.ts'
import { concurrentComparison } from './differential-concurrent.ts'
import {
  comparable,
  isQueueable,
  isReasonedDifference,
  isTimed,
  isWatchable,
} from './differential-differences.ts'

export interface DifferentialOptions {
  /** For each protocol; transactions come on top. */
  readonly commands: number
  readonly transactions: number
  readonly seed: number
  /** Path of redis-server. */
  readonly redis: string
}

export interface DifferentialReport extends DifferentialOptions {
  /** Replies that were compared. */
  readonly compared: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

/** Commands that a connection or a node answers itself, and words that are none. */
const OTHERS: readonly (readonly Word[])[] = [
  ['PING'],
  ['PING', 'hello'],
  ['PING', 'too', 'many'],
  ['ECHO', 'bytes \0\r\n\xff'],
  ['ECHO'],
  ['SELECT', '1'],
  ['SELECT', '0'],
  ['SELECT', '99'],
  ['SELECT', 'x'],
  ['DBSIZE'],
  ['CLIENT', 'GETNAME'],
  ['CLIENT', 'SETNAME', 'with space'],
  ['CLIENT', 'SETNAME', 'plain'],
  ['CLIENT', 'REPLY', 'nonsense'],
  ['CLIENT'],
  ['UNWATCH'],
  ['EXEC'],
  ['DISCARD'],
  ['HELLO', '9'],
  ['nosuch', 'a', 'b'],
  ['GET'],
  ['COMMAND', 'GETKEYS', 'MSET', 'a', '1', 'b', '2'],
  ['COMMAND', 'GETKEYSANDFLAGS', 'COPY', 'a', 'b'],
  ['COMMAND', 'GETKEYSANDFLAGS', 'BITOP', 'AND', 'd', 'a', 'b'],
  ['COMMAND', 'INFO', 'nosuch'],
  ['CLIENT', 'KILL', '1.2.3.4:5'],
  ['CLIENT', 'KILL', 'ID', '0'],
  ['CLIENT', 'KILL', 'TYPE', 'x'],
  ['CLIENT', 'UNBLOCK', '999999'],
  ['CLIENT', 'UNBLOCK', 'x'],
  ['CLIENT', 'PAUSE', 'x'],
  ['CLIENT', 'PAUSE', '-1'],
  ['CLIENT', 'NO-EVICT', 'ON'],
  ['CLIENT', 'NO-EVICT', 'maybe'],
  ['CONFIG', 'SET', 'nosuch', '1'],
  ['CONFIG', 'GET', 'slowlog-log-slower-than'],
  ['CONFIG', 'SET', 'slowlog-max-len', 'x'],
  ['SLOWLOG', 'GET', '-2'],
  ['LATENCY', 'HISTORY', 'nothing'],
  ['LATENCY', 'RESET', 'nothing'],
  ['MEMORY', 'USAGE', 'never-there'],
  ['MEMORY', 'NOSUCH'],
]

/** Commands that are sent to one node at once before another one is chosen. */
const BATCH_MAX = 40
/** One command in so many is a script. */
const SCRIPT_SHARE = 16

export function differential(options: DifferentialOptions): Promise<DifferentialReport> {
  return withCluster({}, async (cluster) => {
    const redis = await startRedisServer(options.redis, ['--proto-max-bulk-len', String(limits.valueBytes)])
    try {
      let compared = 0
      for (const protocol of [2, 3] as const) {
        compared += await compare(cluster, redis, protocol, options)
        const ports = cluster.nodes.map((node) => node.options.redisPort)
        compared += await concurrentComparison({ ...options, ports, redisPort: redis.port, protocol })
      }
      return { ...options, compared, machine: machine() }
    } finally {
      await redis.stop()
    }
  })
}

async function compare(
  cluster: TestCluster,
  redis: RedisServer,
  protocol: 2 | 3,
  options: DifferentialOptions,
): Promise<number> {
  const ours = await Promise.all(cluster.nodes.map((node) => open(node.options.redisPort, protocol)))
  const theirs = await Promise.all(ours.map(() => open(redis.port, protocol)))
  const run = new Comparison(options.seed + protocol, protocol, ours, theirs)
  try {
    await run.same([['FLUSHALL']])
    while (run.compared < options.commands) await run.batch()
    for (let i = 0; i < options.transactions; i++) await run.transaction()
    return run.compared
  } finally {
    for (const client of [...ours, ...theirs]) client.close()
  }
}

async function open(port: number, protocol: 2 | 3): Promise<RespClient> {
  const client = await RespClient.connect(port)
  if (protocol === 3) await client.command('HELLO', '3')
  return client
}

class Comparison {
  readonly #seed: number
  readonly #protocol: number
  readonly #random: SeededRandom
  readonly #script: CommandScript
  readonly #strings: StringScript
  readonly #scripts: ScriptScript
  /** One connection per node. */
  readonly #ours: readonly RespClient[]
  /** As many to redis-server: each has the state of its twin. */
  readonly #theirs: readonly RespClient[]
  compared = 0

  constructor(seed: number, protocol: number, ours: readonly RespClient[], theirs: readonly RespClient[]) {
    this.#seed = seed
    this.#protocol = protocol
    this.#random = new SeededRandom(seed)
    this.#script = new CommandScript(seed)
    this.#strings = new StringScript(seed)
    this.#scripts = new ScriptScript(seed)
    this.#ours = ours
    this.#theirs = theirs
  }

  /** Some commands through one node. */
  async batch(): Promise<void> {
    const count = 1 + this.#random.below(BATCH_MAX)
    await this.same(Array.from({ length: count }, () => this.#command()))
  }

  #command(): Word[] {
    if (this.#random.below(SCRIPT_SHARE) === 0) return this.#scripts.command()
    if (this.#random.below(12) > 0) return this.#data()
    return [...this.#script.pick(OTHERS)]
  }

  #data(): Word[] {
    return comparable(this.#random.below(2) === 0 ? this.#script.command() : this.#strings.command())
  }

  /** WATCH, perhaps another client's command through another node, MULTI, commands, EXEC or DISCARD. */
  async transaction(): Promise<void> {
    const node = this.#random.below(this.#ours.length)
    const random = this.#random
    if (random.below(2) === 0) {
      await this.same([['WATCH', ...this.#script.keys(3)]], node)
      if (random.below(2) === 0)
        await this.same([this.#data()].filter(isWatchable), (node + 1) % this.#ours.length)
    }
    const commands = this.#script.times(6, () => this.#data()).filter(isQueueable)
    const end = random.below(8) === 0 ? 'DISCARD' : 'EXEC'
    await this.same([['MULTI'], ...commands, [end]], node)
  }

  /** Sends to both and compares. */
  async same(commands: readonly Word[][], node = this.#random.below(this.#ours.length)): Promise<void> {
    const [ours, theirs] = [this.#ours[node] as RespClient, this.#theirs[node] as RespClient]
    const [actual, expected] = await Promise.all([
      Promise.all(commands.map((words) => ours.text(...words))),
      Promise.all(commands.map((words) => theirs.text(...words))),
    ])
    for (const [i, words] of commands.entries()) {
      const what = `seed ${this.#seed}, RESP${this.#protocol}, node ${node}, reply ${this.compared}`
      this.compared++
      const [ours, theirs] = [actual[i] as string, expected[i] as string]
      if (isReasonedDifference(words, ours, theirs)) continue
      assertSameReply(ours, theirs, isTimed(words), () => `${what}: ${JSON.stringify(words)}`)
    }
  }
}
