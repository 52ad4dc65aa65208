/** A client of the text protocols: sends bytes as they are told, and gives back what the node answers, as text. */
import { connect, type Socket } from 'node:net'
import { until } from '../processes/wait.ts'

export class LinesClient {
  readonly #socket: Socket
  #received = ''
  #taken = 0
  #hasEnded = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      this.#received += text
    })
    socket.on('error', () => {
      this.#hasEnded = true
    })
    socket.on('end', () => {
      this.#hasEnded = true
    })
  }

  static connect(port: number): Promise<LinesClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new LinesClient(socket)))
    })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes)
  }

  /** Stops reading: the node's replies stay where they are. */
  pause(): void {
    this.#socket.pause()
  }

  /** FIN, as nc sends it at the end of its input. */
  end(): void {
    this.#socket.end()
  }

  close(): void {
    this.#socket.destroy()
  }

  /** The next reply line, once it is there; rejects when the connection ends before. */
  async line(): Promise<string> {
    const lineEnd = (): number => this.#received.indexOf('\n', this.#taken)
    await until('a reply line', (saw) => {
      saw(this.#received.slice(this.#taken))
      return lineEnd() >= 0 || this.#hasEnded
    })
    const end = lineEnd()
    if (end < 0) throw new Error(`The connection ended behind '${this.#received.slice(this.#taken)}'`)
    const line = this.#received.slice(this.#taken, end)
    this.#taken = end + 1
    return line
  }

  /** One line out, one line back. */
  ask(line: string): Promise<string> {
    this.send(`${line}\n`)
    return this.line()
  }

  /** Everything that came and was not taken, once the node has closed its end. */
  async rest(): Promise<string> {
    await until('the end of the connection', () => this.#hasEnded)
    return this.#received.slice(this.#taken)
  }
}

/** What `printf '…' | nc host port` prints. */
export async function exchangeLines(port: number, bytes: string | Buffer): Promise<string> {
  const client = await LinesClient.connect(port)
  client.send(bytes)
  client.end()
  const answer = await client.rest()
  client.close()
  return answer
}
