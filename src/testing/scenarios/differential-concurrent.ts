/**
 * Many connections at once, spread over the nodes: each has a database of its own and a rival that changes watched
 * keys, so its replies are certain whatever the others do, and must be those of redis-server under the same load.
 */
import { SeededRandom } from '../../lib/random.ts'
import { RespClient } from '../clients/resp-client.ts'
import { assertSameReply, CommandScript } from '../engine/command-script.ts'
import type { Word } from '../engine/engine-client.ts'
import { StringScript } from '../engine/string-script.ts'
import {
  comparable,
  isQueueable,
  isReasonedDifference,
  isTimed,
  isWatchable,
} from './differential-differences.ts'

export interface ConcurrentOptions {
  /** Replies to compare, over all connections. */
  readonly commands: number
  readonly seed: number
  readonly protocol: 2 | 3
  readonly ports: readonly number[]
  readonly redisPort: number
}

/** As many as there are databases. */
const ACTORS = 16
const PIPELINE_MAX = 12
/** They reach other databases, where other connections are at work. */
const ELSEWHERE = new Set(['SWAPDB', 'MOVE', 'COPY', 'FLUSHALL'])

/** Gives how many replies were compared. */
export async function concurrentComparison(options: ConcurrentOptions): Promise<number> {
  const actors = Array.from({ length: ACTORS }, (_, database) => new Actor(options, database))
  const counts = await Promise.all(actors.map((actor) => actor.run(Math.ceil(options.commands / ACTORS))))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** What one step gives: commands and what each was answered. */
type Replies = readonly (readonly [words: readonly Word[], reply: string])[]

class Actor {
  readonly #options: ConcurrentOptions
  readonly #database: number
  readonly #random: SeededRandom
  readonly #script: CommandScript
  readonly #strings: StringScript
  #compared = 0

  constructor(options: ConcurrentOptions, database: number) {
    this.#options = options
    this.#database = database
    const seed = options.seed * ACTORS + database
    this.#random = new SeededRandom(seed)
    this.#script = new CommandScript(seed)
    this.#strings = new StringScript(seed)
  }

  async run(count: number): Promise<number> {
    const { ports, redisPort } = this.#options
    const port = (offset: number) => ports[(this.#database + offset) % ports.length] as number
    const clients = await Promise.all([port(0), port(1), redisPort, redisPort].map((one) => this.#open(one)))
    const [own, rival, theirs, theirRival] = clients as [RespClient, RespClient, RespClient, RespClient]
    try {
      while (this.#compared < count) {
        const step = this.#random.below(3) === 0 ? this.#transaction() : this.#batch()
        this.#compare(...(await Promise.all([step(own, rival), step(theirs, theirRival)])))
      }
      return this.#compared
    } finally {
      for (const client of clients) client.close()
    }
  }

  async #open(port: number): Promise<RespClient> {
    const client = await RespClient.connect(port)
    if (this.#options.protocol === 3) await client.command('HELLO', '3')
    await client.command('SELECT', this.#database)
    await client.command('FLUSHDB')
    return client
  }

  #command(): Word[] {
    for (;;) {
      const words = comparable(this.#random.below(2) === 0 ? this.#script.command() : this.#strings.command())
      if (!ELSEWHERE.has(String(words[0]).toUpperCase())) return words
    }
  }

  #batch(): (own: RespClient) => Promise<Replies> {
    const commands = Array.from({ length: 1 + this.#random.below(PIPELINE_MAX) }, () => this.#command())
    return (own) => pipeline(own, commands)
  }

  /** WATCH, perhaps a change by the rival, MULTI, commands, EXEC. */
  #transaction(): (own: RespClient, rival: RespClient) => Promise<Replies> {
    const watch: Word[] = ['WATCH', ...this.#script.keys(2)]
    const change = [this.#command()].filter((words) => isWatchable(words) && this.#random.below(2) === 0)
    const queued = this.#script.times(5, () => this.#command()).filter(isQueueable)
    return async (own, rival) => [
      ...(await pipeline(own, [watch])),
      ...(await pipeline(rival, change)),
      ...(await pipeline(own, [['MULTI'], ...queued, ['EXEC']])),
    ]
  }

  #compare(ours: Replies, theirs: Replies): void {
    for (const [i, [words, actual]] of ours.entries()) {
      this.#compared++
      const expected = theirs[i]?.[1] as string
      if (isReasonedDifference(words, actual, expected)) continue
      const { seed, protocol } = this.#options
      const what = () => `seed ${seed}, RESP${protocol}, database ${this.#database}: ${JSON.stringify(words)}`
      assertSameReply(actual, expected, isTimed(words), what)
    }
  }
}

async function pipeline(client: RespClient, commands: readonly Word[][]): Promise<Replies> {
  const replies = await Promise.all(commands.map((words) => client.text(...words)))
  return commands.map((words, i) => [words, replies[i] as string] as const)
}
