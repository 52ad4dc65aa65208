/**
 * One session per HTTP connection: what a client sends behind its own write on the same connection sees it, and what is
 * held for a client that is gone is dropped (R15).
 */
import type { Socket } from 'node:net'
import type { Executor, Session } from '../../cluster/execute.ts'

export class ConnectionSessions {
  readonly #executor: Executor
  readonly #sessions = new WeakMap<Socket, Session>()

  constructor(executor: Executor) {
    this.#executor = executor
  }

  /** Opened at the connection's first request, closed with the connection. */
  of(socket: Socket): Session {
    const known = this.#sessions.get(socket)
    if (known !== undefined) return known
    const session = this.#executor.openSession()
    this.#sessions.set(socket, session)
    socket.once('close', () => this.#executor.closeSession(session))
    return session
  }
}
