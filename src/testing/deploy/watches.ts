/**
 * Watches through HAProxy, as server-sent events and as lines: they live as long as somebody speaks before HAProxy's
 * timeouts, and go on behind the last event when their node is lost.
 */
import assert from 'node:assert/strict'
import { EventSource } from 'undici'
import { httpRequest } from '../clients/http-client.ts'
import { withCluster } from '../processes/cluster.ts'
import { pause, until } from '../processes/wait.ts'
import { WatchReader } from '../processes/watch-reader.ts'
import { Haproxy, patient } from './haproxy.ts'

const HOST = '127.0.0.1'
/** Of each form: HAProxy spreads them, so that every node has some. */
const READERS = 3

export class ProxiedWatches {
  readonly #port: number
  readonly #sources: readonly EventSource[]
  readonly #readers: readonly WatchReader[]
  /** By source, the keys it saw. */
  readonly #seen: readonly string[][]
  readonly #written: string[] = []
  #opened = 0
  #revision = 0

  /** Watches of `prefix`, through the HTTP port `port` of HAProxy; all of them are open. */
  static async open(port: number, prefix: string): Promise<ProxiedWatches> {
    const revision = await until('the revision to begin behind', async () => {
      const { status, json } = await httpRequest(port, '/v1/cluster')
      return status === 200 ? json<{ revision: number }>().revision : null
    })
    const watches = new ProxiedWatches(port, prefix, revision)
    await until('the watches to be open', () => watches.#opened === READERS)
    return watches
  }

  private constructor(port: number, prefix: string, revision: number) {
    this.#port = port
    this.#seen = Array.from({ length: READERS }, () => [])
    this.#sources = this.#seen.map((keys) => {
      const source = new EventSource(`http://${HOST}:${port}/v1/watch?prefix=${prefix}&after=${revision}`)
      source.onopen = () => {
        this.#opened++
      }
      source.onmessage = ({ data }) => keys.push(JSON.parse(data).key)
      return source
    })
    const place = { options: { host: HOST, httpPort: port } }
    this.#readers = this.#seen.map(() => new WatchReader([place], 0, `prefix=${prefix}`, String(revision)))
  }

  /** How often server-sent events were opened: once each, and once more for each loss. */
  get opened(): number {
    return this.#opened
  }

  /** Writes a new key, once, until that is certain. */
  async write(key: string): Promise<void> {
    const options = { method: 'PUT', body: key, headers: { 'if-none-match': '*' } }
    this.#revision = await until(`${key} to be written`, async () => {
      const { status, headers, json } = await httpRequest(this.#port, `/v1/kv/${key}`, options)
      if (status === 201) return Number(headers['x-kvorum-revision'])
      // An attempt before this one, whose outcome was not known, took effect.
      return status === 412 ? json<{ revision: number }>().revision : null
    })
    this.#written.push(key)
  }

  /** Every watch comes to see every key that was written, in order, and once. */
  async judge(): Promise<void> {
    const gaveUp = (): number => this.#sources.filter((source) => source.readyState === source.CLOSED).length
    const isComplete = (): boolean => this.#seen.every((keys) => keys.length >= this.#written.length)
    await until('all events', () => isComplete() || gaveUp() > 0).catch((error: Error) => {
      error.message += `; written: ${this.#written.join()}; seen: ${JSON.stringify(this.#seen)}`
      throw error
    })
    assert.equal(gaveUp(), 0, 'an EventSource got an answer behind which it does not come again')
    for (const keys of this.#seen) assert.deepEqual(keys, this.#written)
    for (const reader of this.#readers) {
      await reader.reached(this.#revision)
      assert.deepEqual(
        reader.events.map(({ key }) => key),
        this.#written,
      )
    }
  }

  close(): void {
    for (const source of this.#sources) source.close()
    for (const reader of this.#readers) reader.close()
  }
}

export interface QuietWatchesReport {
  readonly timeoutSeconds: number
  readonly quietSeconds: number
  readonly opened: number
}

/** Nothing happens for longer than HAProxy waits: heartbeats alone keep the watches. */
export function quietWatches(timeoutSeconds: number, quietSeconds: number): Promise<QuietWatchesReport> {
  const impatient = (config: string): string =>
    patient(config)
      .replace('timeout client 1h', `timeout client ${timeoutSeconds}s`)
      .replace('timeout server 1h', `timeout server ${timeoutSeconds}s`)
  return withCluster({}, (cluster) =>
    Haproxy.with(cluster.nodes, (haproxy) => stayQuiet(haproxy, timeoutSeconds, quietSeconds), impatient),
  )
}

async function stayQuiet(
  { ports }: Haproxy,
  timeoutSeconds: number,
  quietSeconds: number,
): Promise<QuietWatchesReport> {
  await until('HAProxy to answer', async () => (await httpRequest(ports.http, '/readyz')).status === 200)
  const watches = await ProxiedWatches.open(ports.http, 'quiet')
  try {
    await watches.write('quiet-before')
    await pause(quietSeconds * 1000)
    await watches.write('quiet-behind')
    await watches.judge()
    assert.equal(watches.opened, READERS, 'a watch was cut off while nothing happened')
    return { timeoutSeconds, quietSeconds, opened: watches.opened }
  } finally {
    watches.close()
  }
}
