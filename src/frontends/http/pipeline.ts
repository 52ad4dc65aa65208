/**
 * The requests of one connection that were sent before their answers came (RFC 9112, 9.3.2). Those that change
 * something run alone, in their order; only reads run beside each other. So a read sees what was sent before it, and
 * nothing later.
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
  /** Set once it was not read for a time. */
  #socket: Socket | null = null

  constructor(run: Run) {
    this.#run = run
  }

  /** Runs the request now, or when those before it are answered. */
  add(request: IncomingMessage, response: ServerResponse): void {
    if (this.#waiting.length === 0 && this.#mayRun(request)) return this.#begin(request, response)
    this.#waiting.push({ request, response })
    if (this.#isFull) this.#pause(request.socket)
  }

  get #isFull(): boolean {
    return this.#waiting.length >= WAITING_MAX
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

  #begin(request: IncomingMessage, response: ServerResponse): void {
    this.#running++
    this.#isAlone = !isSafe(request.method ?? '')
    response.once('finish', this.#answered)
    this.#run(request, response)
  }

  readonly #answered = (): void => {
    this.#running--
    if (this.#running === 0) this.#isAlone = false
    if (this.#waiting.length > 0) this.#goOn()
  }

  #goOn(): void {
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined || !this.#mayRun(next.request)) break
      this.#waiting.shift()
      this.#begin(next.request, next.response)
    }
    if (!this.#isFull) this.#socket?.resume()
  }
}
