/**
 * A small RESP client for tests: pipelines commands over one socket and gives back each reply's raw bytes,
 * RESP2 or RESP3 alike. Pushes ('>') are collected apart.
 */
import { connect, type Socket } from 'node:net'

type Word = string | number | Buffer

interface Waiting {
  readonly resolve: (reply: Buffer) => void
  readonly reject: (error: Error) => void
}

/** One connection. */
export class RespClient {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #received: Buffer = Buffer.alloc(0)
  #failure: Error | null = null
  /** Raw bytes of pushes, oldest first. */
  readonly pushes: Buffer[] = []
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#receive(bytes))
    socket.on('error', (error) => this.#fail(error))
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail(new Error('Connection closed'))
        resolve()
      })
    })
  }

  static connect(port: number, host = '127.0.0.1'): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RespClient(socket))
      })
    })
  }

  /**
   * Sends one command; resolves with its reply's bytes, error replies included. Rejects when the connection
   * breaks.
   */
  command(...words: Word[]): Promise<Buffer> {
    this.send(...words)
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) reject(this.#failure)
      else this.#waiting.push({ resolve, reject })
    })
  }

  /** Sends a command that is not answered by a reply, e.g. SUBSCRIBE in RESP3. */
  send(...words: Word[]): void {
    this.#socket.write(encodeRequest(words))
  }

  /** The reply as latin1 text. */
  async text(...words: Word[]): Promise<string> {
    return (await this.command(...words)).toString('latin1')
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    let start = 0
    for (let end = replyEnd(this.#received, start); end > 0; end = replyEnd(this.#received, start)) {
      const reply = this.#received.subarray(start, end)
      if (reply[0] === PUSH) this.pushes.push(reply)
      else this.#waiting.shift()?.resolve(reply)
      start = end
    }
    this.#received = this.#received.subarray(start)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

/** A command as RESP's array of strings. */
function encodeRequest(words: readonly Word[]): Buffer {
  const chunks: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word), 'latin1')
    chunks.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF)
  }
  return Buffer.concat(chunks)
}

const CRLF = Buffer.from('\r\n')
const PUSH = 0x3e
/**
 * Types whose header counts bytes, and those whose header counts elements; maps and attributes count pairs.
 */
const SIZED = new Set(['$', '=', '!'])
const LISTS = new Set(['*', '~', '>'])

/** The offset behind the reply that begins at `start`, or -1 when it is not complete. */
function replyEnd(bytes: Buffer, start: number): number {
  const line = bytes.indexOf(CRLF, start)
  if (line < 0) return -1
  const kind = String.fromCharCode(bytes[start] as number)
  const behind = line + 2
  const size = Number(bytes.toString('latin1', start + 1, line))
  if (SIZED.has(kind)) {
    const end = size < 0 ? behind : behind + size + 2
    return end <= bytes.length ? end : -1
  }
  if (LISTS.has(kind)) return elementsEnd(bytes, behind, Math.max(0, size))
  if (kind === '%') return elementsEnd(bytes, behind, 2 * size)
  // Attributes stand before the reply they belong to.
  if (kind === '|') return elementsEnd(bytes, behind, 2 * size + 1)
  return behind
}

function elementsEnd(bytes: Buffer, start: number, count: number): number {
  let end = start
  for (let i = 0; i < count && end >= 0; i++) end = end < bytes.length ? replyEnd(bytes, end) : -1
  return end
}
