/**
 * What all streams of a node have written and their clients not taken yet (R20). While it is too much no stream takes
 * more; those that wait go on in turn as soon as there is room.
 */

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

  /** The stream's pump() is called when there is room. */
  wait(stream: Stream): void {
    this.#waiting.add(stream)
  }

  forget(stream: Stream): void {
    this.#waiting.delete(stream)
  }
}
