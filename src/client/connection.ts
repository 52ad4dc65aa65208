/**
 * One connection to a server that speaks RESP: commands go out in the order of the calls, each promise settles with
 * its reply. A connection that fails rejects everything that was not answered, and is not opened again: whether a
 * command without an answer took effect is not known, and only the caller can say whether to send it once more.
 */
import type { Socket } from 'node:net'
import { type Reply, ReplyError, ReplyParser } from './reply.ts'
import { beginConnection, type TlsOptions, whyNot } from './socket.ts'
import { formatServerUrl, parseServerUrl, type ServerUrl } from './url.ts'
import { whenLate } from './when-late.ts'

/** Why a connection cannot be used. `sent` is true when a command may have reached the server. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly kind: 'connect' | 'lost' | 'timeout' | 'closed'
  readonly sent: boolean

  constructor(kind: ConnectionError['kind'], message: string, sent: boolean) {
    super(message)
    this.kind = kind
    this.sent = sent
  }
}

export interface ConnectOptions {
  /** For the connection and its greeting, in milliseconds. Default 2 000. */
  readonly connectTimeoutMs?: number
  /** For each command, in milliseconds; it closes the connection. Default 10 000; 0 = no limit. */
  readonly commandTimeoutMs?: number
  /** Shown in CLIENT LIST. */
  readonly clientName?: string
  /** Used when the URL carries no password. */
  readonly password?: string
  /** For servers whose URL says TLS. */
  readonly tls?: TlsOptions
  /** Called for messages that answer no command. */
  readonly onPush?: (reply: Reply) => void
}

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

export type Argument = string | number | Uint8Array

export class Connection {
  readonly url: ServerUrl
  readonly #socket: Socket
  readonly #options: ConnectOptions
  readonly #parser = new ReplyParser()
  readonly #waiting: Waiting[] = []
  #failure: ConnectionError | null = null
  /** Stops waiting for the oldest answer. */
  #timer: (() => void) | null = null

  /** Connects, logs in and selects the URL's database. Throws ConnectionError or ReplyError. */
  static async open(url: string | ServerUrl, options: ConnectOptions = {}): Promise<Connection> {
    const server = typeof url === 'string' ? parseServerUrl(url) : url
    const connection = new Connection(server, await openSocket(server, options), options)
    try {
      await connection.#greet()
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  private constructor(url: ServerUrl, socket: Socket, options: ConnectOptions) {
    this.url = url
    this.#socket = socket
    this.#options = options
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail('lost', `Lost the connection: ${error.message}`))
    socket.on('close', () => this.#fail('lost', `${formatServerUrl(url)} closed the connection`))
  }

  /** Sends a command; the promise settles with its reply. An error reply is thrown as ReplyError. */
  async command(name: string, ...args: Argument[]): Promise<Reply> {
    const reply = await this.send([name, ...args])
    if (reply.kind === 'error') throw new ReplyError(reply.text)
    return reply
  }

  /** Like command(), but an error reply is a value as any other. */
  send(words: readonly Argument[]): Promise<Reply> {
    const failure = this.#failure
    if (failure !== null) {
      return Promise.reject(
        new ConnectionError('closed', `The connection is closed: ${failure.message}`, false),
      )
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.#timer === null) this.#startTimer()
      this.#socket.write(encodeWords(words))
    })
  }

  /** Closes at once. Commands without an answer are rejected. */
  close(): void {
    this.#fail('closed', 'closed by this program')
    this.#socket.destroy()
  }

  get closed(): boolean {
    return this.#failure !== null
  }

  async #greet(): Promise<void> {
    const password = this.url.password || this.#options.password || ''
    const login = password === '' ? [] : ['AUTH', this.url.user || 'default', password]
    const name = this.#options.clientName === undefined ? [] : ['SETNAME', this.#options.clientName]
    await this.command('HELLO', 3, ...login, ...name)
    if (this.url.database !== 0) await this.command('SELECT', this.url.database)
  }

  #receive(chunk: Buffer): void {
    try {
      this.#parser.push(chunk, (reply) => this.#deliver(reply))
    } catch (error) {
      this.#fail('lost', error instanceof Error ? error.message : String(error))
      this.#socket.destroy()
    }
  }

  #deliver(reply: Reply): void {
    if (reply.kind === 'push') {
      this.#options.onPush?.(reply)
      return
    }
    const waiting = this.#waiting.shift()
    this.#stopTimer()
    if (this.#waiting.length > 0) this.#startTimer()
    waiting?.resolve(reply)
  }

  /** One timer serves all: answers come in order, so it is always the oldest command that is late. */
  #startTimer(): void {
    const limitMs = this.#options.commandTimeoutMs ?? 10_000
    if (limitMs === 0) return
    this.#timer = whenLate(limitMs, () => {
      this.#fail('timeout', `${formatServerUrl(this.url)} did not answer within ${limitMs} ms`)
      this.#socket.destroy()
    })
  }

  #stopTimer(): void {
    this.#timer?.()
    this.#timer = null
  }

  #fail(kind: ConnectionError['kind'], message: string): void {
    if (this.#failure !== null) return
    this.#stopTimer()
    this.#failure = new ConnectionError(kind, message, this.#waiting.length > 0)
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure)
  }
}

/** The command as RESP: an array of bulk strings. */
export function encodeWords(words: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === 'object' ? Buffer.from(word) : Buffer.from(String(word))
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}

function openSocket(server: ServerUrl, options: ConnectOptions): Promise<Socket> {
  const limitMs = options.connectTimeoutMs ?? 2_000
  return new Promise((resolve, reject) => {
    const { socket, readyEvent } = beginConnection(server, options.tls ?? {})
    const fail = (why: string) => {
      inTime()
      socket.destroy()
      reject(new ConnectionError('connect', `Cannot connect to ${formatServerUrl(server)}: ${why}`, false))
    }
    const inTime = whenLate(limitMs, () => fail(`no answer within ${limitMs} ms`))
    const onError = (error: Error) => fail(whyNot(error))
    socket.once('error', onError)
    socket.once(readyEvent, () => {
      inTime()
      socket.off('error', onError)
      resolve(socket)
    })
  })
}
