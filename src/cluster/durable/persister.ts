/**
 * Persists what the core's Readys carry and acknowledges their numbers in order, each once everything before it is
 * durable. A changed commit index alone is never synced for: it rides on the next batch (raft contract, rule 5).
 */
import { assert } from '../../lib/assert.ts'
import type { Message } from '../../raft/messages.ts'
import type { HardState, Ready } from '../../raft/types.ts'
import type { LogGroup } from '../../storage/log/types.ts'

export class Persister {
  readonly #log: LogGroup
  readonly #acknowledge: (number: number, lastIndex: number) => void
  readonly #waiting: number[] = []
  #lazyHardState: HardState | null = null
  #lastTaken = 0

  /**
   * `acknowledge(number, lastIndex)`: every Ready up to `number` is durable, and `lastIndex` is its newest entry
   * (0 when it has none); not called for Readys that need no sync.
   */
  constructor(log: LogGroup, acknowledge: (number: number, lastIndex: number) => void) {
    this.#log = log
    this.#acknowledge = acknowledge
  }

  take(ready: Ready<Message>): void {
    const { number } = ready
    assert(number > this.#lastTaken, () => `Ready number is ${number}, expected above ${this.#lastTaken}`)
    this.#lastTaken = number
    if (!ready.mustSync) {
      this.#lazyHardState = ready.hardState ?? this.#lazyHardState
      return
    }
    const hardState = ready.hardState ?? this.#lazyHardState
    this.#lazyHardState = null
    this.#waiting.push(number)
    const lastIndex = ready.entries.at(-1)?.index ?? 0
    this.#log.append(ready.entries, hardState, () => this.#durable(number, lastIndex))
  }

  #durable(number: number, lastIndex: number): void {
    const first = this.#waiting.shift()
    assert(first === number, () => `Ready ${number} is durable, expected ${first}`)
    this.#acknowledge(number, lastIndex)
  }
}
