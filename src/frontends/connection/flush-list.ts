/**
 * Connections that got replies outside of their own turn: what they have is sent once the turn's code is done, all of
 * it together.
 */
import type { DoorStats } from '../stats/stats.ts'
import { atEndOfTurn } from './end-of-turn.ts'
import type { ReplyBudget } from './reply-budget.ts'

/** What waits for the end of the turn: a queue of RESP replies, or a text connection. */
export interface Flushable {
  flush(): void
}

export class FlushList {
  #dirty: Flushable[] = []
  readonly #run = (): void => {
    const dirty = this.#dirty
    this.#dirty = []
    for (const queue of dirty) queue.flush()
  }

  add(queue: Flushable): void {
    if (this.#dirty.length === 0) atEndOfTurn(this.#run)
    this.#dirty.push(queue)
  }
}

/** What the replies of all connections of a node share. */
export interface ReplyShare {
  readonly flushes: FlushList
  readonly stats: DoorStats
  readonly replyBudget: ReplyBudget
}
