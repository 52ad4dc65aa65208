/**
 * The client that a single command of POST /v1/command sees: no connection, no state that outlives the command. Its
 * replies go to one place.
 */
import type { Consistency, ExecuteOptions, Session } from '../../../cluster/execute.ts'
import type { Command } from '../../../protocol/commands.ts'
import type { WatchedKey } from '../../../protocol/transaction.ts'
import type { Answer, Client } from '../../client.ts'
import type { Door } from '../../door.ts'

export class CommandClient implements Client {
  readonly id = 0
  readonly speaks = 'http'
  readonly session: Session
  readonly peer: string
  readonly local = ''
  readonly connectedAtMs: number
  lastActiveMs: number
  protocol: 2 | 3 = 3
  database: number
  name = ''
  libName = ''
  libVersion = ''
  lastCommand = ''
  readonly watched = new Map<string, WatchedKey>()
  readonly pendingCommands = 1
  readonly replyBytes = 0
  readonly isAuthenticated = true
  readonly transaction = null
  readonly subscriptions = null
  readonly tracking = null
  readonly consistency: Consistency
  noEvict = false
  noTouch = false
  readonly isListening = false
  unblocker: ((withError: boolean) => void) | null = null
  readonly #door: Door
  readonly #options: ExecuteOptions
  readonly #done: (reply: Buffer) => void

  constructor(
    door: Door,
    options: ExecuteOptions,
    database: number,
    peer: string,
    done: (reply: Buffer) => void,
  ) {
    this.#door = door
    this.#options = options
    this.#done = done
    this.session = options.session
    this.consistency = options.consistency
    this.database = database
    this.peer = peer
    this.connectedAtMs = door.clock.monotonicMs()
    this.lastActiveMs = this.connectedAtMs
  }

  execute(command: Command): void {
    this.ask(command, this.#done)
  }

  ask(command: Command, then: (reply: Buffer) => void): void {
    this.#door.executor.execute(command, this.#options, ({ reply }) => then(reply))
  }

  promise(): Answer {
    return { answer: this.#done }
  }

  // What only a connection has; the commands that are let through use none of it.
  authenticate(): void {}
  setTransaction(): void {}
  capture(): void {}
  setSubscriptions(): void {}
  setReplyMode(): void {}
  setConsistency(): void {}
  push(): void {}
  pauseChanged(): void {}
  destroy(): void {}
  block(): void {}
  unblock(): void {}
  closeAfterReply(): void {}
}
