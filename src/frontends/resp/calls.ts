/**
 * The commands of one RESP connection on their way to the executor, and their replies on the way to the queue: each
 * takes its place in the order, is counted with its command's figures, and is looked at by CLIENT TRACKING.
 */
import type { ExecuteDone, ExecuteOptions } from '../../cluster/execute.ts'
import { argumentBytes, type Command } from '../../protocol/commands.ts'
import type { Answer, Client, ReplyMode } from '../client.ts'
import type { Door } from '../door.ts'
import type { CommandStats } from '../stats/command-stats.ts'
import type { SlowClient } from '../stats/slow-watch.ts'
import type { Pending, ReplyQueue } from './reply-queue.ts'

const NO_ARGS: readonly Buffer[] = []

export class Calls implements SlowClient {
  readonly #client: Client
  readonly #door: Door
  readonly #replies: ReplyQueue
  /** Shared by the commands of one turn. */
  #options: ExecuteOptions
  /** Of the command that is looked at; null when there is no such command. */
  #stats: CommandStats | null = null
  #args: readonly Buffer[] = NO_ARGS
  /** Milliseconds of work on questions of the command that waits for their answers. */
  #askedMs = 0
  replyMode: ReplyMode = 'on'
  /** Gets the reply of the local command that runs now, instead of the client. */
  #captor: ((reply: Buffer) => void) | null = null

  constructor(client: Client, door: Door, replies: ReplyQueue) {
    this.#client = client
    this.#door = door
    this.#replies = replies
    this.#options = door.executeOptions(client.session, client.lastActiveMs)
  }

  /** The client, as the slow log shows it. */
  get peer(): string {
    return this.#client.peer
  }

  get name(): string {
    return this.#client.name
  }

  takeWorkMs(): number {
    const ms = this.#askedMs + this.#door.executor.takeExecutedMs()
    this.#askedMs = 0
    return ms
  }

  /** The client's time or its consistency is another one than before. */
  renewOptions(): void {
    const { session, lastActiveMs, consistency } = this.#client
    this.#options = this.#door.executeOptions(session, lastActiveMs, consistency)
  }

  /** What follows is of a command with these figures; null = there is no such command. */
  begin(stats: CommandStats | null, args: readonly Buffer[]): void {
    this.#stats = stats
    this.#args = args
  }

  /** The parser's list of arguments is gone. */
  release(args: readonly Buffer[]): void {
    this.#args = args
  }

  /** Client.capture. */
  capture(run: () => Buffer | null, then: (reply: Buffer) => void): void {
    this.#captor = then
    const reply = run()
    this.#captor = null
    if (reply !== null) then(reply)
  }

  /** Client.execute. */
  execute(command: Command): void {
    if (this.#captor !== null) return this.ask(command, this.#captor)
    const { executor, inFlight } = this.#door
    const bytes = argumentBytes(command)
    const pending = this.#replies.openInFlight(this.#client.protocol, this.#isSilent, inFlight, bytes)
    this.#measure(pending)
    executor.execute(command, this.#options, this.#noting(command, pending.done))
  }

  /** Client.ask. */
  ask(command: Command, then: (reply: Buffer) => void): void {
    const { executor, inFlight } = this.#door
    const bytes = argumentBytes(command)
    inFlight.add(bytes)
    const done: ExecuteDone = (result) => {
      inFlight.remove(bytes)
      this.#askedMs += executor.takeExecutedMs()
      then(result.reply)
    }
    executor.execute(command, this.#options, this.#noting(command, done))
  }

  /** Client.promise. */
  promise(): Answer {
    if (this.#captor !== null) return { answer: this.#captor }
    const pending = this.#replies.open(this.#client.protocol, this.#isSilent)
    this.#measure(pending)
    return pending
  }

  /** The command has run here, and `reply` is known. */
  answer(reply: Buffer): void {
    this.#stats?.answered(reply, this.#client.lastActiveMs, this, this.#args)
    this.say(reply)
  }

  /** A command that was not executed. */
  refuse(reply: Buffer): void {
    if (this.#stats !== null) this.#stats.rejected++
    this.say(reply)
  }

  /** A known reply, counted nowhere. */
  say(reply: Buffer): void {
    this.#replies.reply(reply, this.#client.protocol, this.#isSilent)
  }

  get #isSilent(): boolean {
    return this.replyMode !== 'on'
  }

  #noting(command: Command, done: ExecuteDone): ExecuteDone {
    const client = this.#client
    return client.tracking === null ? done : this.#door.tracking.noting(client, command, done)
  }

  #measure(pending: Pending): void {
    pending.stats = this.#stats
    pending.sinceMs = this.#client.lastActiveMs
    pending.client = this
    pending.args = this.#args
  }
}
