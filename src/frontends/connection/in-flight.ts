/**
 * What all connections of the node have in execution together. While it is too much they are not read:
 * clients are paused before the cluster has to refuse them (R20).
 */
import { limits } from '../../protocol/limits.ts'
import type { Flushable, FlushList } from './flush-list.ts'

/**
 * Half of what the cluster accepts: the other half is for commands of other doors and for those already
 * parsed.
 */
const BYTES_MAX = limits.originBytes / 2
const COMMANDS_MAX = limits.pendingReads / 2

export class InFlight {
  readonly #flushes: FlushList
  readonly #waiting = new Set<Flushable>()
  #bytes = 0
  #commands = 0

  constructor(flushes: FlushList) {
    this.#flushes = flushes
  }

  get bytes(): number {
    return this.#bytes
  }

  get commands(): number {
    return this.#commands
  }

  get isFull(): boolean {
    return this.#bytes >= BYTES_MAX || this.#commands >= COMMANDS_MAX
  }

  add(bytes: number): void {
    this.#bytes += bytes
    this.#commands++
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
    this.#commands--
    if (this.#waiting.size > 0 && !this.isFull) this.#wake()
  }

  /** The queue's connection is looked at again when there is room; once. */
  awaitRoom(queue: Flushable): void {
    this.#waiting.add(queue)
  }

  forget(queue: Flushable): void {
    this.#waiting.delete(queue)
  }

  #wake(): void {
    for (const queue of this.#waiting) this.#flushes.add(queue)
    this.#waiting.clear()
  }
}
