/**
 * What the HTTP clients of a node have not taken of their answers, together (R20). While it is too much no stream takes
 * more, and nothing large is begun; streams that wait go on in turn as soon as there is room.
 */
import type { ServerResponse } from 'node:http'
import { whenOver } from './when-over.ts'

/** Answers below this size are not counted. */
const CHARGED_BYTES = 64 * 1024

interface Stream {
  pump(): void
}

export class StreamBudget {
  readonly #bytesMax: number
  readonly #waiting = new Set<Stream>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
    for (const stream of this.#waiting) {
      if (this.isFull) return
      this.#waiting.delete(stream)
      stream.pump()
    }
  }

  /** A large answer counts until its client has taken it, or is gone. */
  charge(response: ServerResponse, payload: unknown): void {
    const isWhole = typeof payload === 'string' || Buffer.isBuffer(payload)
    if (!isWhole || payload.length < CHARGED_BYTES || response.req.socket.destroyed) return
    const bytes = payload.length
    this.add(bytes)
    whenOver(response, () => this.remove(bytes))
  }

  /** The stream's pump() is called when there is room. */
  wait(stream: Stream): void {
    this.#waiting.add(stream)
  }

  forget(stream: Stream): void {
    this.#waiting.delete(stream)
  }
}
