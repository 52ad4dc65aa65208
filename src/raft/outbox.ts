/**
 * Messages on their way out. Requests leave with the next Ready. Responses to votes and appends are promises about
 * the disk: they wait until everything that was to be persisted when they were made is durable.
 */
import type { PeerId } from '../protocol/members.ts'
import type { AppendResponse, Message } from './messages.ts'

/** The number of the Ready that a message waits for, while that Ready has not been taken. */
const UNTAGGED = Number.POSITIVE_INFINITY

interface Waiting {
  message: Message
  number: number
}

export class Outbox {
  #ready: Message[] = []
  #given: Message[] = []
  #waiting: Waiting[] = []

  /** May leave at once. */
  send(message: Message): void {
    this.#ready.push(message)
  }

  /**
   * Leaves when the state it speaks of is durable. One acknowledgement per sync is enough: a later one of the same
   * term to the same leader says everything the earlier one did.
   */
  sendWhenDurable(message: Message): void {
    const last = this.#waiting.at(-1)
    if (last !== undefined && isAcknowledgement(message) && isAcknowledgement(last.message)) {
      const earlier = last.message
      const same = message.to === earlier.to && message.term === earlier.term
      if (same && message.index === earlier.index) return
      if (same && message.index > earlier.index && last.number === UNTAGGED) {
        last.message = message
        return
      }
    }
    this.#waiting.push({ message, number: UNTAGGED })
  }

  get isEmpty(): boolean {
    return this.#ready.length === 0
  }

  /** Some message was made since the last Ready was taken and waits for the next one. */
  get hasUntagged(): boolean {
    return this.#waiting.at(-1)?.number === UNTAGGED
  }

  /** What was made since the last Ready waits for `number`. */
  tag(number: number): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const waiting = this.#waiting[i] as Waiting
      if (waiting.number !== UNTAGGED) break
      waiting.number = number
    }
  }

  /** Moves what waited for numbers up to `number` to the outgoing messages, and returns what `self` sent to itself. */
  release(number: number, self: PeerId): readonly Message[] {
    const own: Message[] = []
    let done = 0
    for (const waiting of this.#waiting) {
      if (waiting.number > number) break
      if (waiting.message.to === self) own.push(waiting.message)
      else this.#ready.push(waiting.message)
      done++
    }
    if (done > 0) this.#waiting.splice(0, done)
    return own
  }

  /** Forgets responses to appends: the log they speak of has been replaced by a snapshot. */
  dropAppendResponses(): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.message.kind !== 'appendResponse')
  }

  /** The outgoing messages; the array is valid until the next call. */
  take(): readonly Message[] {
    const taken = this.#ready
    this.#ready = this.#given
    this.#ready.length = 0
    this.#given = taken
    return taken
  }
}

function isAcknowledgement(message: Message): message is AppendResponse {
  return message.kind === 'appendResponse' && !message.reject
}
