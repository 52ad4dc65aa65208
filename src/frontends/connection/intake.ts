/**
 * Whether a connection is read (R20): not while too many of its commands are in execution, too much waits for its
 * client, or the whole node has too much of either. What was read before is looked at when it goes on.
 */
import type { Socket } from 'node:net'
import { limits } from '../../protocol/limits.ts'
import type { Door } from '../door.ts'
import type { Flushable } from './flush-list.ts'
import type { InFlight } from './in-flight.ts'
import type { ReplyBudget } from './reply-budget.ts'

/** The replies of a connection, as far as they decide whether it is read. */
export interface Backlog {
  /** Replies that are not sent. */
  readonly length: number
  /** Bytes that wait for the client. */
  readonly bytes: number
  /** Those that count for the whole node. */
  readonly counted: number
}

export class Intake {
  readonly #socket: Socket
  readonly #replies: Backlog
  readonly #waiter: Flushable
  readonly #inFlight: InFlight
  readonly #budget: ReplyBudget
  #isPaused = false
  /** Nothing more is read: the client has ended its half, or the doors close. */
  hasEnded = false

  /** `waiter` is flushed when there is room in execution again. */
  constructor(socket: Socket, door: Door, replies: Backlog, waiter: Flushable) {
    this.#socket = socket
    this.#replies = replies
    this.#waiter = waiter
    this.#inFlight = door.inFlight
    this.#budget = door.replyBudget
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
    if (mustWait || this.isCongested) {
      if (this.#inFlight.isFull) this.#inFlight.awaitRoom(this.#waiter)
      return this.stop()
    }
    if (!this.#isPaused) return
    this.#isPaused = false
    pump()
    if (!this.#isPaused) this.#socket.resume()
  }

  /** Stops reading until regulate() goes on. */
  stop(): void {
    if (!this.#isPaused && !this.hasEnded) this.#socket.pause()
    this.#isPaused = true
  }
}
