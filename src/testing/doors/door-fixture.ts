/**
 * Doors on free loopback ports over a fake executor, and a client that sends and reads plain bytes: for tests
 * of what really goes over the wire.
 */
import { connect, type Socket } from 'node:net'
import {
  type DoorsConfig,
  type DoorsOptions,
  defaultDoorsConfig,
  type LogLevel,
} from '../../frontends/config.ts'
import { type Doors, openDoors } from '../../frontends/doors.ts'
import type { Clock } from '../../lib/clock.ts'
import { FakeExecutor } from './fake-executor.ts'

const LIMIT_MS = 120_000
/** Of what was received, in the message of a wait that ran out. */
const SHOWN = 500

const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  defer: (fn) => {
    setImmediate(fn)
  },
}

export interface DoorFixture {
  readonly doors: Doors
  readonly executor: FakeExecutor
  readonly logs: { level: LogLevel; message: string }[]
  /** A connection to the Redis port. */
  client(): Promise<RawClient>
  /** A connection to the HTTP port. */
  webClient(): Promise<RawClient>
  close(): Promise<void>
}

export async function openFixture(
  config: Partial<DoorsConfig> = {},
  executor = new FakeExecutor(),
  acceptPeer: ((socket: Socket) => void) | null = null,
  clock: Clock = realClock,
  rewriteConfig?: DoorsOptions['rewriteConfig'],
): Promise<DoorFixture> {
  const logs: { level: LogLevel; message: string }[] = []
  const clients: RawClient[] = []
  const doors = await openDoors({
    executor,
    acceptPeer,
    clock,
    log: (level, message) => logs.push({ level, message }),
    config: { ...defaultDoorsConfig, redisPort: 0, httpPort: 0, ...config },
    ...(rewriteConfig === undefined ? {} : { rewriteConfig }),
  })
  const open = async (port: number): Promise<RawClient> => {
    const client = await RawClient.open(port)
    clients.push(client)
    return client
  }
  return {
    doors,
    executor,
    logs,
    client: () => open(doors.redisPort),
    webClient: () => open(doors.httpPort),
    close: () => {
      for (const client of clients) client.destroy()
      return new Promise((resolve) => doors.close(resolve))
    },
  }
}

/** Sends bytes, and waits for bytes. */
export class RawClient {
  readonly socket: Socket
  #received = ''
  #wake: () => void = () => {}
  hasEnded = false
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1')
      this.#wake()
    })
    socket.on('end', () => {
      this.hasEnded = true
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  static open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawClient(socket)))
    })
  }

  /** Everything received and not taken yet; one character per byte. */
  get received(): string {
    return this.#received
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** One command as an array of bulk strings. */
  command(...words: (string | Buffer)[]): void {
    this.send(encodeWords(words))
  }

  /** Takes exactly `length` bytes, or fewer when the connection ends before. */
  async take(length: number): Promise<string> {
    await this.until(() => this.#received.length >= length || this.hasEnded || this.isClosed)
    const taken = this.#received.slice(0, length)
    this.#received = this.#received.slice(length)
    return taken
  }

  /** Takes everything once it ends with `suffix`. */
  async takeUntil(suffix: string): Promise<string> {
    await this.until(() => this.#received.endsWith(suffix) || this.hasEnded || this.isClosed)
    const taken = this.#received
    this.#received = ''
    return taken
  }

  /** Waits until the door has half-closed or closed; resolves to all that came before. */
  async rest(): Promise<string> {
    await this.until(() => this.hasEnded || this.isClosed)
    const taken = this.#received
    this.#received = ''
    return taken
  }

  /** The limit only says when a test failed, and what had come by then. */
  async until(condition: () => boolean): Promise<void> {
    let isLate = false
    const limit = setTimeout(() => {
      isLate = true
      this.#wake()
    }, LIMIT_MS)
    try {
      while (!condition()) {
        if (isLate) throw new Error(`Waited ${LIMIT_MS} ms for: ${condition}; ${this.#seen()}`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(limit)
    }
  }

  #seen(): string {
    const state = this.isClosed ? 'closed' : this.hasEnded ? 'half-closed' : 'open'
    const { length } = this.#received
    return `the connection is ${state}, ${length} bytes were not taken: ${JSON.stringify(this.#received.slice(-SHOWN))}`
  }

  destroy(): void {
    this.socket.destroy()
  }
}

export function encodeWords(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word, 'latin1') : word
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}

/** Resolves once `condition` holds; looks again in every turn of the loop. The limit only says when a test failed. */
export async function eventually(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + LIMIT_MS
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`Waited ${LIMIT_MS} ms for: ${condition}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
