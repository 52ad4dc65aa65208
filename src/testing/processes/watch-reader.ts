/**
 * A reader of GET /v1/watch that does what a client should: goes on at another node from the last event it saw. It
 * keeps what came, and fails on what a watch must never do: go back, or repeat itself.
 */
import assert from 'node:assert/strict'
import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { pause, until } from './wait.ts'

export interface Seen {
  readonly id: string
  readonly event: string
  readonly revision: number
  readonly key: string
  readonly value: string | null
}

/** Where a watch is read: a node, or what stands before several. */
export interface WatchPlace {
  readonly options: { readonly host: string; readonly httpPort: number }
}

const RETRY_MS = 20

export class WatchReader {
  readonly events: Seen[] = []
  /** Times that it went on at another node. */
  resumed = 0
  readonly #nodes: readonly WatchPlace[]
  readonly #query: string
  #at: number
  #lastId: string
  #request: ClientRequest | null = null
  #isClosed = false
  #rest = ''
  #failure: Error | null = null

  /** Begins behind `after`, at the node of that number; `query` says which keys. */
  constructor(nodes: readonly WatchPlace[], at: number, query: string, after: string) {
    this.#nodes = nodes
    this.#at = at
    this.#query = query
    this.#lastId = after
    void this.#run()
  }

  close(): void {
    this.#isClosed = true
    this.#request?.destroy()
  }

  /** Waits until an event of that revision or a later one has come, or the reader is known to have got there. */
  async reached(revision: number): Promise<void> {
    await until(`a watch to reach revision ${revision}`, () => {
      if (this.#failure !== null) throw this.#failure
      return (this.events.at(-1)?.revision ?? 0) >= revision
    })
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#readOne(this.#nodes[this.#at % this.#nodes.length] as WatchPlace)
      } catch (error) {
        if (error instanceof assert.AssertionError) {
          this.#failure = error
          return
        }
      }
      this.#at++
      this.resumed++
      await pause(RETRY_MS)
    }
  }

  /** Reads from one node until its connection ends. */
  #readOne({ options }: WatchPlace): Promise<void> {
    this.#rest = ''
    return new Promise((resolve, reject) => {
      const request = get({
        host: options.host,
        port: options.httpPort,
        path: `/v1/watch?format=ndjson&${this.#query}`,
        headers: { 'last-event-id': this.#lastId },
        agent: false,
      })
      this.#request = request
      request.on('error', reject)
      request.on('response', (response: IncomingMessage) => {
        if (response.statusCode !== 200) {
          response.resume()
          return reject(new Error(`status ${response.statusCode}`))
        }
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          try {
            this.#take(text)
          } catch (error) {
            request.destroy(error as Error)
            reject(error)
          }
        })
        response.on('close', resolve)
      })
    })
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(JSON.parse(line))
  }

  #line(line: {
    id: string
    event: string
    revision: number
    key?: string
    item?: { value?: string }
  }): void {
    assert.notEqual(line.event, 'compacted')
    if (line.event !== 'progress') {
      assert.ok(isAfter(line.id, this.#lastId), `${line.id} came behind ${this.#lastId}`)
      const { id, event, revision, key = '', item } = line
      this.events.push({ id, event, revision, key, value: item?.value ?? null })
    }
    this.#lastId = line.id
  }
}

/** An id without a place stands behind all of its revision. */
function isAfter(id: string, last: string): boolean {
  const [revision = 0, sub = Number.POSITIVE_INFINITY] = id.split('-').map(Number)
  const [lastRevision = 0, lastSub = Number.POSITIVE_INFINITY] = last.split('-').map(Number)
  return revision > lastRevision || (revision === lastRevision && sub > lastSub)
}
