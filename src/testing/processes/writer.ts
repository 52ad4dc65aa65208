/**
 * Writes keys of its own, 'prefix:0' and on, pipelined over one connection, and knows which were
 * acknowledged: those below `acknowledged`, since replies come in order. Ends at the first failure, or when
 * told.
 */
import assert from 'node:assert/strict'
import type { Connection } from '../../client/connection.ts'
import type { NodeProcess } from './node-process.ts'

const DEPTH = 64
const PAGE = 500

export interface WriterOptions {
  readonly prefix: string
  /** Keys to write; Infinity = until stop(). */
  readonly count: number
  /** Length of each value. */
  readonly valueBytes: number
}

/** A node that can be connected to, wherever it runs. */
export interface Reachable {
  readonly name: string
  connect(): Promise<Connection>
}

export class Writer {
  readonly #options: WriterOptions
  #acknowledged = 0
  #isStopped = false
  #done: Promise<void> = Promise.resolve()
  /** Why it ended, when it did not end as told. */
  failure: Error | null = null

  constructor(options: WriterOptions) {
    this.#options = options
  }

  get prefix(): string {
    return this.#options.prefix
  }

  /** Keys below it are written. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  start(connection: Connection): void {
    this.#done = this.#run(connection)
  }

  /** Resolves when all is written, or after a failure. */
  done(): Promise<void> {
    return this.#done
  }

  stop(): Promise<void> {
    this.#isStopped = true
    return this.#done
  }

  /** Throws unless every acknowledged key, read through `node`, has its value. */
  async verify(node: Reachable): Promise<void> {
    const connection = await node.connect()
    try {
      for (let from = 0; from < this.#acknowledged; from += PAGE)
        await this.#verifyPage(connection, from, node)
    } finally {
      connection.close()
    }
  }

  async #verifyPage(connection: Connection, from: number, node: Reachable): Promise<void> {
    const count = Math.min(PAGE, this.#acknowledged - from)
    const keys = Array.from({ length: count }, (_, i) => this.#key(from + i))
    const reply = await connection.command('MGET', ...keys)
    assert.equal(reply.kind, 'array')
    if (reply.kind !== 'array') return
    for (const [i, item] of reply.items.entries()) {
      const found = item.kind === 'bulk' ? item.bytes.toString() : item.kind
      assert.equal(found, this.#value(from + i), `${keys[i]} at ${node.name} is wrong or lost`)
    }
  }

  async #run(connection: Connection): Promise<void> {
    const { count } = this.#options
    const flights: Promise<unknown>[] = []
    try {
      for (let next = 0; next < count && !this.#isStopped; next++) {
        const flight = connection.command('SET', this.#key(next), this.#value(next))
        // It is awaited later: an early failure must not count as unhandled.
        flight.catch(() => {})
        flights.push(flight)
        if (flights.length >= DEPTH) await this.#acknowledge(flights)
      }
      while (flights.length > 0) await this.#acknowledge(flights)
    } catch (error) {
      this.failure = error as Error
    } finally {
      connection.close()
    }
  }

  async #acknowledge(flights: Promise<unknown>[]): Promise<void> {
    await flights.shift()
    this.#acknowledged++
  }

  #key(number: number): string {
    return `${this.#options.prefix}:${number}`
  }

  #value(number: number): string {
    return `${number}.`.padEnd(this.#options.valueBytes, 'x')
  }
}

/** Writes through `node` until everything is acknowledged; a failure is thrown. */
export async function writeAll(node: NodeProcess, options: WriterOptions): Promise<Writer> {
  const writer = new Writer(options)
  writer.start(await node.connect())
  await writer.done()
  if (writer.failure !== null) throw writer.failure
  return writer
}
