/**
 * Whether a connection is read (R20): not while too many of its commands are in execution, too much waits for its
 * client, or the whole node has too much of either. What was read before is looked at when it goes on.
 */
import type { Socket } from 'node:net'
import { limits } from '../../protocol/limits.ts'
import type { InFlight } from './in-flight.ts'
import type { ReplyBudget } from './reply-budget.ts'
import type { ReplyQueue } from './reply-queue.ts'

export class Intake {
  readonly #socket: Socket
  readonly #replies: ReplyQueue
  readonly #inFlight: InFlight
  readonly #budget: ReplyBudget
  #isPaused = false
  /** Nothing more is read: the client has ended its half, or the doors close. */
  hasEnded = false

  constructor(socket: Socket, replies: ReplyQueue, inFlight: InFlight, budget: ReplyBudget) {
    this.#socket = socket
    this.#replies = replies
    this.#inFlight = inFlight
    this.#budget = budget
  }

  /** No further command may be begun now. */
  get isCongested(): boolean {
    const { length, bytes, counted } = this.#replies
    if (length >= limits.pipelineCommands || bytes > limits.replyQueueBytes) return true
    return this.#inFlight.isFull || (counted > 0 && this.#budget.isTight)
  }

  /** Bytes that still come are taken, for the sake of a clean end. */
  end(): void {
    this.hasEnded = true
    this.#socket.resume()
  }

  /** Stops reading, or goes on: first with `pump`, which takes what was read before and may come to a stop again. */
  regulate(mustWait: boolean, pump: () => void): void {
    if (mustWait || this.isCongested) return this.#pause()
    if (!this.#isPaused) return
    this.#isPaused = false
    pump()
    if (!this.#isPaused) this.#socket.resume()
  }

  #pause(): void {
    if (this.#inFlight.isFull) this.#inFlight.awaitRoom(this.#replies)
    if (!this.#isPaused && !this.hasEnded) this.#socket.pause()
    this.#isPaused = true
  }
}
