/**
 * What the requests of one node share: the door, a session per connection and the listings that are open.
 */
import type { Socket } from 'node:net'
import type { Session } from '../../../cluster/execute.ts'
import { limits } from '../../../protocol/limits.ts'
import type { Door } from '../../door.ts'
import { Cursors } from './cursors.ts'
import { StreamBudget } from './stream-budget.ts'

export class Native {
  readonly door: Door
  readonly cursors: Cursors
  readonly budget = new StreamBudget(limits.httpReplyBytes)
  /** Watches that are open: each ends when the doors close (R17). */
  readonly streams = new Set<{ finish(): void }>()
  readonly #sessions = new WeakMap<Socket, Session>()

  constructor(door: Door) {
    this.door = door
    this.cursors = new Cursors(door.clock)
    door.endings.push(() => {
      for (const stream of this.streams) stream.finish()
      this.cursors.close()
    })
  }

  /**
   * One session per connection: what a client sends behind its own write on the same connection sees it, and what
   * is held for a client that is gone is dropped (R15).
   */
  sessionOf(socket: Socket): Session {
    const known = this.#sessions.get(socket)
    if (known !== undefined) return known
    const { executor } = this.door
    const session = executor.openSession()
    this.#sessions.set(socket, session)
    socket.once('close', () => executor.closeSession(session))
    return session
  }
}
