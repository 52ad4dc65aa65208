/**
 * Clients read and write the same few keys through all nodes while nodes are killed, frozen and told to leave; what
 * they asked and were told is recorded, and a checker judges whether one copy of the data could have answered so. The
 * clients send nothing twice: an outcome that is not known stays so.
 */
import assert from 'node:assert/strict'
import type { Connection } from '../../client/connection.ts'
import { type Reply, ReplyError, replyText } from '../../client/reply.ts'
import { SeededRandom } from '../../lib/random.ts'
import { History } from '../checkers/history.ts'
import { checkLinearizability } from '../checkers/linearizability.ts'
import { type KeyInput, type KeyOutput, keyModel } from '../checkers/linearizability-models.ts'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { pause, until } from '../processes/wait.ts'

export interface HistoriesOptions {
  readonly rounds: number
  readonly clients: number
  readonly seed: number
}

export interface HistoriesReport extends HistoriesOptions {
  readonly operations: number
  readonly unknown: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

/** Of each kind. */
const KEYS = 4
const OPERATIONS_BEFORE = 200
const OPERATIONS_AFTER = 300
/** A client that was refused looks elsewhere after this time. */
const RETRY_MS = 20
/** Longer than the election timeout: another node leads by then. */
const FROZEN_OPERATIONS = 200

const FAULTS = [
  'kill leader',
  'kill follower',
  'kill all',
  'freeze leader',
  'freeze follower',
  'leave',
] as const
type Fault = (typeof FAULTS)[number]

export function histories(options: HistoriesOptions): Promise<HistoriesReport> {
  return withCluster({}, async (cluster) => {
    const random = new SeededRandom(options.seed)
    let operations = 0
    let unknown = 0
    for (let round = 0; round < options.rounds; round++) {
      const fault = FAULTS[round % FAULTS.length] as Fault
      const record = new Recorder(cluster, `history:${round}`, random)
      try {
        record.start(options.clients)
        await record.more(OPERATIONS_BEFORE)
        await strike(cluster, fault, record)
        await record.more(OPERATIONS_AFTER)
      } finally {
        record.halt()
      }
      await record.ended()
      const all = record.history.operations()
      operations += all.length
      unknown += all.filter((operation) => operation.output === null).length
      const verdict = checkLinearizability(all, keyModel)
      const what = `seed ${options.seed}, round ${round}, ${fault}`
      assert.equal(
        verdict.kind,
        'linearizable',
        verdict.kind === 'illegal' ? `${what}: ${verdict.explanation}` : what,
      )
    }
    return { ...options, operations, unknown, machine: machine() }
  })
}

async function strike(cluster: TestCluster, fault: Fault, record: Recorder): Promise<void> {
  const leader = await cluster.leader()
  const follower = cluster.others(leader)[0] as NodeProcess
  const victim = fault.endsWith('follower') ? follower : leader
  switch (fault) {
    case 'kill all':
      for (const node of cluster.nodes) node.signal('SIGKILL')
      await Promise.all(cluster.nodes.map((node) => node.exited()))
      for (const node of cluster.nodes) node.start()
      break
    case 'freeze leader':
    case 'freeze follower':
      victim.signal('SIGSTOP')
      if (victim === leader) await cluster.leader(cluster.others(leader), leader)
      await record.more(FROZEN_OPERATIONS)
      victim.signal('SIGCONT')
      break
    default:
      victim.signal(fault === 'leave' ? 'SIGTERM' : 'SIGKILL')
      await victim.exited()
      await record.more(FROZEN_OPERATIONS)
      victim.start()
  }
  await cluster.ready()
}

class Recorder {
  readonly history = new History<KeyInput, KeyOutput>()
  readonly #cluster: TestCluster
  readonly #prefix: string
  readonly #random: SeededRandom
  #answered = 0
  #values = 0
  #isStopped = false
  #clients: Promise<void>[] = []

  constructor(cluster: TestCluster, prefix: string, random: SeededRandom) {
    this.#cluster = cluster
    this.#prefix = prefix
    this.#random = random
  }

  start(clients: number): void {
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(client))
  }

  /** Waits for further answers. */
  async more(count: number): Promise<void> {
    const target = this.#answered + count
    await Promise.race([
      until(`${count} more answers`, () => this.#answered >= target),
      // A client that fails must fail the scenario.
      Promise.all(this.#clients),
    ])
  }

  /** No client begins another operation. */
  halt(): void {
    this.#isStopped = true
  }

  /** After halt(): everything is answered or given up. */
  async ended(): Promise<void> {
    await Promise.all(this.#clients)
  }

  async #run(client: number): Promise<void> {
    while (!this.#isStopped) {
      const node = this.#cluster.node(this.#random.below(this.#cluster.nodes.length))
      const connection = await node.connect().catch(() => null)
      if (connection === null) await pause(RETRY_MS)
      else await this.#use(connection, client)
    }
  }

  /** Until the connection breaks, or the node refuses. */
  async #use(connection: Connection, client: number): Promise<void> {
    let isGood = true
    while (isGood && !this.#isStopped) {
      isGood = await this.#operate(connection, client)
    }
    connection.close()
    if (!isGood) await pause(RETRY_MS)
  }

  async #operate(connection: Connection, client: number): Promise<boolean> {
    const kind = this.#random.below(11)
    const input = this.#input(kind)
    const isWatched = input === null || this.#random.below(2) === 0
    const key = `${this.#prefix}:${isWatched ? 'watched:' : ''}${this.#random.below(KEYS)}`
    if (input === null) return this.#compareAndSet(connection, client, key)
    const id = this.history.invoke(client, key, input)
    return this.#settle(id, async () => outputOf(input, await connection.send(wordsOf(key, input))))
  }

  /** Null for a compare-and-set. */
  #input(kind: number): KeyInput | null {
    if (kind > 9) return null
    if (kind < 5) return { kind: 'get' }
    if (kind < 7) return { kind: 'set', value: String(++this.#values * 1_000) }
    return kind < 9 ? { kind: 'increment', by: 1 } : { kind: 'delete' }
  }

  /** WATCH, GET, MULTI, SET, EXEC: only EXEC can change anything. */
  async #compareAndSet(connection: Connection, client: number, key: string): Promise<boolean> {
    const reading = this.history.invoke(client, key, { kind: 'get' })
    let expected: string | null = null
    const isRead = await this.#settle(reading, async () => {
      const replies = await Promise.all([connection.send(['WATCH', key]), connection.send(['GET', key])])
      const output = outputOf(
        { kind: 'get' },
        replies.find((reply) => reply.kind === 'error') ?? (replies[1] as Reply),
      )
      if (output.kind === 'value') expected = output.value
      return output
    })
    if (!isRead) return false
    const value = String(++this.#values * 1_000)
    const id = this.history.invoke(client, key, { kind: 'compareAndSet', expected, value })
    return this.#settle(id, async () => {
      const words = [['MULTI'], ['SET', key, value], ['EXEC']]
      const replies = await Promise.all(words.map((each) => connection.send(each)))
      const last = replies.find((reply) => reply.kind === 'error') ?? (replies[2] as Reply)
      throwError(last)
      // WATCH sees every change, one that was undone too: without success nothing is known of the value.
      return last.kind === 'array' ? { kind: 'flag', flag: true } : null
    })
  }

  /**
   * Records what came of operation `id` (null: no effect, and nothing learnt); false when this connection is of no
   * further use.
   */
  async #settle(id: number, work: () => Promise<KeyOutput | null>): Promise<boolean> {
    try {
      const output = await work()
      if (output === null) this.history.refused(id)
      else this.history.returned(id, output)
      this.#answered++
      return true
    } catch (error) {
      if (error instanceof ReplyError && /^(MASTERDOWN|LOADING|TRYAGAIN) /.test(error.message)) {
        this.history.refused(id)
        return false
      }
      this.history.unknown(id)
      const isExpected = !(error instanceof ReplyError) || error.message.startsWith('UNKNOWN ')
      assert.ok(isExpected, `An operation was answered ${String(error)}`)
      return false
    }
  }
}

function wordsOf(key: string, input: KeyInput): string[] {
  switch (input.kind) {
    case 'get':
      return ['GET', key]
    case 'set':
      return ['SET', key, input.value]
    case 'increment':
      return ['INCRBY', key, String(input.by)]
    case 'delete':
      return ['DEL', key]
    case 'compareAndSet':
      throw new Error('A compare-and-set is more than one command')
  }
}

function outputOf(input: KeyInput, reply: Reply): KeyOutput {
  throwError(reply)
  const text = replyText(reply)
  if (input.kind === 'get') return { kind: 'value', value: text }
  if (input.kind === 'set') return { kind: 'done' }
  if (input.kind === 'delete') return { kind: 'flag', flag: text === '1' }
  return { kind: 'number', number: Number(text) }
}

function throwError(reply: Reply): void {
  if (reply.kind === 'error') throw new ReplyError(reply.text)
}
