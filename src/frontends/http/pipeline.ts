/**
 * The requests of one connection that were sent before their answers came (RFC 9112, 9.3.2). Those that change
 * something run alone, in their order; only reads run beside each other. So a read sees what was sent before it, and
 * nothing later. What cannot be read is refused in its place: behind the answers to what stands before it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isSafe } from './safety.ts'

/** With so many waiting the connection is not read. */
const WAITING_MAX = 16

export type Run = (request: IncomingMessage, response: ServerResponse) => void

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export class Pipeline {
  readonly #run: Run
  #waiting: Waiting[] = []
  /** Begun and not answered yet. */
  #running = 0
  #isAlone = false
  /** The one that came last. */
  #last: Waiting | null = null
  /** Set once what comes cannot be read: says so. */
  #refuse: (() => void) | null = null
  /** Set once it was not read for a time. */
  #socket: Socket | null = null

  constructor(run: Run) {
    this.#run = run
  }

  /** Runs the request now, or when those before it are answered. */
  add(request: IncomingMessage, response: ServerResponse): void {
    if (this.#refuse !== null) return
    const added = { request, response }
    this.#last = added
    if (this.#waiting.length === 0 && this.#mayRun(request)) return this.#begin(added)
    this.#waiting.push(added)
    if (this.#isFull) this.#pause(request.socket)
  }

  /**
   * What comes on `socket` cannot be read any more: `refuse` runs once, when everything before it is answered. A
   * request of which a part came is not executed: `refuse` is its answer.
   */
  breakOff(socket: Socket, refuse: () => void): void {
    if (this.#refuse !== null) return
    this.#refuse = () => {
      socket.removeListener('resume', this.#resumed)
      refuse()
    }
    this.#pause(socket)
    this.#giveUpPart()
    if (this.#running === 0) this.#refuse()
  }

  #giveUpPart(): void {
    const last = this.#last
    if (last === null || last.request.complete || last.response.headersSent) return
    if (this.#waiting.at(-1) === last) {
      this.#waiting.pop()
      return
    }
    last.response.removeListener('finish', this.#answered)
    this.#running--
  }

  get #isFull(): boolean {
    return this.#refuse !== null || this.#waiting.length >= WAITING_MAX
  }

  #pause(socket: Socket): void {
    if (this.#socket === null) socket.on('resume', this.#resumed)
    this.#socket = socket.pause()
  }

  /** Node resumes the connection behind every request that it has read. */
  readonly #resumed = (): void => {
    if (this.#isFull) this.#socket?.pause()
  }

  #mayRun({ method = '' }: IncomingMessage): boolean {
    return this.#running === 0 || (!this.#isAlone && isSafe(method))
  }

  #begin({ request, response }: Waiting): void {
    this.#running++
    this.#isAlone = !isSafe(request.method ?? '')
    response.once('finish', this.#answered)
    this.#run(request, response)
  }

  readonly #answered = (): void => {
    this.#running--
    if (this.#running === 0) this.#isAlone = false
    if (this.#waiting.length > 0) this.#goOn()
    if (this.#running === 0) this.#refuse?.()
  }

  #goOn(): void {
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined || !this.#mayRun(next.request)) break
      this.#waiting.shift()
      this.#begin(next)
    }
    if (!this.#isFull) this.#socket?.resume()
  }
}
