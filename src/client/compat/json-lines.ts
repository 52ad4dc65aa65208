/**
 * One connection to a node that answers lines of text in JSON (--inline json): a line out, a line back, in order. Bytes
 * are cut into lines however they arrive, and characters are put together across packets.
 */
import { connect, type Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import { whenLate } from '../when-late.ts'

/** A reply longer than this is not one of this protocol's: a value is at most 16 MiB, escapes make it longer. */
const REPLY_CHARACTERS = 200 * 1024 * 1024

/** Why there is no reply. `sent`: the line was on its way, so it may have taken effect. */
export class LineError extends Error {
  override readonly name = 'LineError'
  readonly sent: boolean

  constructor(message: string, sent: boolean) {
    super(message)
    this.sent = sent
  }
}

interface Waiting {
  readonly resolve: (line: string) => void
  readonly reject: (error: LineError) => void
}

export class JsonLines {
  readonly #socket: Socket
  readonly #decoder = new StringDecoder('utf8')
  readonly #waiting: Waiting[] = []
  #parts: string[] = []
  #length = 0
  #failure: string | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.#receive(this.#decoder.write(bytes)))
    socket.on('error', (error) => this.#fail(error.message))
    socket.on('close', () => this.#fail('the connection was closed'))
  }

  /** Connects within `limitMs`; rejects with a LineError that was not sent. */
  static open(host: string, port: number, limitMs: number): Promise<JsonLines> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port })
      const fail = (why: string): void => {
        inTime()
        socket.destroy()
        reject(new LineError(`Cannot connect to ${host}:${port}: ${why}`, false))
      }
      const inTime = whenLate(limitMs, () => fail(`no answer within ${limitMs} ms`))
      const refused = (error: Error): void => fail(error.message || 'connection refused')
      socket.once('error', refused)
      socket.once('connect', () => {
        inTime()
        socket.off('error', refused)
        resolve(new JsonLines(socket))
      })
    })
  }

  get isOpen(): boolean {
    return this.#failure === null
  }

  /** The reply to `line`, which must hold no line feed. Without one within `limitMs` the connection is given up. */
  ask(line: string, limitMs: number): Promise<string> {
    if (this.#failure !== null) return Promise.reject(new LineError(this.#failure, false))
    return new Promise((resolve, reject) => {
      const inTime = whenLate(limitMs, () => this.#fail(`no answer within ${limitMs} ms`))
      this.#waiting.push({
        resolve: (reply) => {
          inTime()
          resolve(reply)
        },
        reject: (error) => {
          inTime()
          reject(error)
        },
      })
      this.#socket.write(`${line}\n`)
    })
  }

  close(): void {
    this.#fail('the client has disconnected')
  }

  #receive(text: string): void {
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#parts.push(text.slice(from, end))
      from = end + 1
      const line = this.#parts.join('')
      this.#parts = []
      this.#length = 0
      this.#waiting.shift()?.resolve(line)
    }
    if (from === text.length) return
    this.#parts.push(text.slice(from))
    this.#length += text.length - from
    if (this.#length > REPLY_CHARACTERS) this.#fail('the reply is too long')
  }

  #fail(why: string): void {
    if (this.#failure !== null) return
    this.#failure = why
    this.#socket.destroy()
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new LineError(why, true))
  }
}
