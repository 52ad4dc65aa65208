/**
 * One RESP connection: bytes in, commands in their order to local commands or the executor, replies out in
 * the same order. It stops reading while too much is in execution or too many replies wait for the client
 * (R20).
 */
import type { Socket } from 'node:net'
import type { Consistency, ExecuteDone, ExecuteOptions, Session } from '../../cluster/execute.ts'
import { checkCommand, nameWords } from '../../engine/check-command.ts'
import { argumentBytes, type Command } from '../../protocol/commands.ts'
import { limits } from '../../protocol/limits.ts'
import { errorReply, QUEUED_REPLY } from '../../protocol/reply.ts'
import type { WatchedKey } from '../../protocol/transaction.ts'
import type { Answer, Client, ReplyMode } from '../client.ts'
import type { Door } from '../door.ts'
import { refusalFor } from '../pubsub/mode.ts'
import type { ClientSubscriptions } from '../pubsub/subscriptions.ts'
import type { CommandEntry } from '../registry/commands.ts'
import type { CommandStats } from '../stats/command-stats.ts'
import type { ClientTracking } from '../tracking/client-tracking.ts'
import { NOAUTH, unknownCommand, unknownSubcommand, wrongArity } from './errors.ts'
import { Farewell } from './farewell.ts'
import { Intake } from './intake.ts'
import { Parsed, RespParser } from './parser.ts'
import { PushLimit } from './push-limit.ts'
import { type Pending, ReplyQueue } from './reply-queue.ts'
import type { Transaction } from './transaction.ts'

/**
 * open: serves. finishing: reads no more commands, answers those read, then half-closes. closed: the socket
 * is gone.
 */
type Stage = 'open' | 'finishing' | 'closed'

export class RespConnection implements Client {
  readonly id: number
  readonly session: Session
  readonly peer: string
  readonly local: string
  readonly connectedAtMs: number
  lastActiveMs: number
  protocol: 2 | 3 = 2
  database = 0
  name = ''
  libName = ''
  libVersion = ''
  lastCommand = 'NULL'
  readonly watched = new Map<string, WatchedKey>()
  isAuthenticated: boolean
  transaction: Transaction | null = null
  consistency: Consistency = 'linearizable'
  subscriptions: ClientSubscriptions | null = null
  tracking: ClientTracking | null = null
  noEvict = false
  noTouch = false
  unblocker: ((withError: boolean) => void) | null = null

  readonly #door: Door
  readonly #socket: Socket
  readonly #parser: RespParser<CommandEntry>
  readonly #replies: ReplyQueue
  readonly #onClosed: () => void
  /** Shared by the commands of one turn. */
  #options: ExecuteOptions
  /** Of the command that is looked at; null when there is no such command. */
  #stats: CommandStats | null = null
  #args: readonly Buffer[] = []
  #replyMode: ReplyMode = 'on'
  /** Something that the fast path of a command must look at: no authentication, MULTI, a mode or a pause. */
  #isGuarded: boolean
  #stage: Stage = 'open'
  #blocks = 0
  #isPumping = false
  /** Milliseconds of work on questions of the command that waits for their answers. */
  #askedMs = 0
  readonly #intake: Intake
  readonly #farewell: Farewell
  readonly #pushLimit: PushLimit

  constructor(door: Door, socket: Socket, onClosed: () => void) {
    this.#door = door
    this.#socket = socket
    this.#onClosed = onClosed
    this.id = door.nextClientId()
    this.session = door.executor.openSession()
    this.peer = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`
    this.local = `${socket.localAddress ?? '?'}:${socket.localPort ?? 0}`
    this.connectedAtMs = door.clock.monotonicMs()
    this.lastActiveMs = this.connectedAtMs
    this.isAuthenticated = !door.hasPassword
    this.#isGuarded = !this.isAuthenticated || door.pause.isActive
    this.#parser = new RespParser(door.commands.names)
    this.#parser.isTrusted = this.isAuthenticated
    this.#options = door.executeOptions(this.session, this.connectedAtMs)
    this.#replies = new ReplyQueue(socket, door, () => this.#flushed())
    this.#intake = new Intake(socket, door, this.#replies, this.#replies)
    this.#pushLimit = new PushLimit(door.clock)
    this.#farewell = new Farewell(socket, door.clock, () => this.destroy())
    door.clients.set(this.id, this)
    socket.on('data', (chunk: Buffer) => this.#data(chunk))
    socket.on('end', () => this.finish())
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  get pendingCommands(): number {
    return this.#replies.length
  }

  get isListening(): boolean {
    return this.subscriptions !== null || this.#door.monitors.has(this)
  }

  get replyBytes(): number {
    return this.#replies.bytes
  }

  authenticate(isAuthenticated: boolean): void {
    this.isAuthenticated = isAuthenticated
    this.#parser.isTrusted = isAuthenticated
    this.#guard()
  }

  setTransaction(transaction: Transaction | null): void {
    this.transaction = transaction
    this.#guard()
  }

  setSubscriptions(subscriptions: ClientSubscriptions | null): void {
    this.subscriptions = subscriptions
    this.#guard()
  }

  setReplyMode(mode: ReplyMode): void {
    this.#replyMode = mode
    this.#guard()
  }

  setConsistency(consistency: Consistency): void {
    this.consistency = consistency
    this.#options = this.#door.executeOptions(this.session, this.lastActiveMs, consistency)
  }

  push(bytes: Buffer): void {
    if (this.#stage !== 'open') return
    this.#replies.push(bytes)
    if (this.#pushLimit.allows(this.#replies.bytes)) return
    this.#door.log('warn', 'client does not take what it subscribed to: closed', { client: this.peer })
    this.destroy()
  }

  pauseChanged(): void {
    this.#guard()
  }

  execute(command: Command): void {
    const { executor, inFlight } = this.#door
    const pending = this.#replies.openInFlight(
      this.protocol,
      this.#isSilent,
      inFlight,
      argumentBytes(command),
    )
    this.#measure(pending)
    executor.execute(command, this.#options, this.#noting(command, pending.done))
  }

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

  #noting(command: Command, done: ExecuteDone): ExecuteDone {
    return this.tracking === null ? done : this.#door.tracking.noting(this, command, done)
  }

  takeWorkMs(): number {
    const ms = this.#askedMs + this.#door.executor.takeExecutedMs()
    this.#askedMs = 0
    return ms
  }

  promise(): Answer {
    const pending = this.#replies.open(this.protocol, this.#isSilent)
    this.#measure(pending)
    return pending
  }

  #measure(pending: Pending): void {
    pending.stats = this.#stats
    pending.sinceMs = this.lastActiveMs
    pending.client = this
    pending.args = this.#args
  }

  block(): void {
    this.#blocks++
  }

  unblock(): void {
    this.#blocks--
    if (!this.#isPumping) this.#door.flushes.add(this.#replies)
  }

  closeAfterReply(): void {
    this.#stage = 'finishing'
  }

  /**
   * R17, and after the client's FIN: nothing more is read; what was read is answered, then the connection
   * half-closes.
   */
  finish(): void {
    if (this.#intake.hasEnded) return
    this.#intake.end()
    this.#pump()
  }

  destroy(): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#farewell.over()
    this.session.closed = true
    this.#replies.abandon()
    this.#door.inFlight.forget(this.#replies)
    this.#socket.destroy()
    this.#door.forget(this)
    this.#door.executor.closeSession(this.session)
    this.#onClosed()
  }

  #data(chunk: Buffer): void {
    this.#door.stats.bytesIn += chunk.length
    // Bytes behind the end of service are taken, so that closing does not reset the connection, and dropped
    // (R17).
    if (this.#stage !== 'open' || this.#intake.hasEnded) return
    this.#parser.push(chunk)
    this.#pump()
  }

  /** Takes commands from the parser while there are any and nothing forbids it; then sends what is known. */
  readonly #pump = (): void => {
    if (this.#isPumping) return
    this.#isPumping = true
    this.#replies.hold()
    this.lastActiveMs = this.#door.turn.nowMs()
    this.#options = this.#door.executeOptions(this.session, this.lastActiveMs, this.consistency)
    while (this.#stage === 'open' && this.#blocks === 0 && !this.#intake.isCongested) {
      const parsed = this.#parser.next()
      if (parsed === Parsed.command) this.#command()
      else if (parsed === Parsed.error) this.#refuseStream()
      else if (this.#intake.hasEnded) this.#stage = 'finishing'
      else break
    }
    this.#args = this.#parser.release()
    this.#isPumping = false
    this.#replies.flush()
  }

  get #isSilent(): boolean {
    return this.#replyMode !== 'on'
  }

  #guard(): void {
    const { pause } = this.#door
    const isPlain = this.isAuthenticated && this.transaction === null && this.#replyMode === 'on'
    this.#isGuarded = !isPlain || pause.isActive || this.subscriptions !== null
  }

  #command(): void {
    const parser = this.#parser
    const entry = parser.entry
    const wasSkipping = this.#replyMode === 'skip'
    this.#door.stats.commands++
    this.#stats = null
    if (entry === null) {
      this.#refuse(this.isAuthenticated ? unknownCommand(parser.name, parser.args) : NOAUTH)
    } else if (entry.subcommands !== null && parser.args.length > 0) {
      this.#subcommand(entry, parser.args)
    } else {
      this.#dispatch(entry, parser.args, parser.args.length + 1)
    }
    if (wasSkipping && this.#replyMode === 'skip') this.setReplyMode('on')
  }

  #subcommand(container: CommandEntry, args: readonly Buffer[]): void {
    const name = args[0] as Buffer
    const sub = container.subcommands?.get(name.toString('latin1').toLowerCase())
    if (sub !== undefined) this.#dispatch(sub, args.slice(1), args.length + 1)
    else this.#refuse(this.isAuthenticated ? unknownSubcommand(container.spec.name, name) : NOAUTH)
  }

  /** `count` is the number of words, as arity counts them. */
  #dispatch(entry: CommandEntry, args: readonly Buffer[], count: number): void {
    const spec = entry.spec
    this.lastCommand = spec.name
    this.#stats = entry.stats
    this.#args = args
    const isLengthOk = spec.arity >= 0 ? count === spec.arity : count >= -spec.arity
    if ((this.#isGuarded || this.tracking !== null) && this.#guarded(entry, args, isLengthOk)) return
    if (this.#door.monitors.size > 0 && isLengthOk) this.#door.monitors.show(this, spec, args)
    if (!isLengthOk) this.#refuse(wrongArity(spec.name))
    else if (entry.local !== null) this.#runLocal(entry, args)
    else this.#runRemote(entry, { spec, database: this.database, args })
  }

  #runRemote(entry: CommandEntry, command: Command): void {
    const refusal = this.#parser.largest > limits.keyBytes ? checkCommand(command) : null
    if (refusal !== null) return this.#refuse(refusal)
    entry.stats.calls++
    this.execute(command)
  }

  #runLocal(entry: CommandEntry, args: readonly Buffer[]): void {
    entry.stats.calls++
    const reply = entry.local?.run(this, args, this.#door) ?? null
    if (reply === null) return
    entry.stats.answered(reply, this.lastActiveMs, this, args)
    this.#replies.reply(reply, this.protocol, this.#isSilent)
  }

  /** The slow path; true when the command was dealt with. */
  #guarded(entry: CommandEntry, args: readonly Buffer[], isLengthOk: boolean): boolean {
    const prevented = refusalFor(this, entry)
    if (prevented !== null) {
      this.#refuse(prevented)
      return true
    }
    const transaction = this.transaction
    const isQueued = transaction !== null && entry.local?.inTransaction !== 'now'
    this.tracking?.begin(entry.spec, isQueued)
    if (!isQueued) return this.#paused(entry, args)
    const refusal = isLengthOk
      ? transaction.offer(entry, args, this.#parser.bytes)
      : wrongArity(entry.spec.name)
    if (refusal !== null) this.#refuse(refusal)
    else {
      if (this.#door.monitors.size > 0) this.#door.monitors.show(this, entry.spec, args)
      this.#replies.reply(QUEUED_REPLY, this.protocol, this.#isSilent)
    }
    return true
  }

  /** CLIENT PAUSE: the command is looked at again when the pause is over, and nothing behind it before. */
  #paused(entry: CommandEntry, args: readonly Buffer[]): boolean {
    const { pause } = this.#door
    if (!pause.holds(entry)) return false
    const mode = this.#replyMode
    this.block()
    pause.await(() => {
      if (this.#stage !== 'closed') {
        this.setReplyMode(mode)
        this.#dispatch(entry, args, args.length + nameWords(entry.spec.name))
        if (mode === 'skip') this.setReplyMode('on')
      }
      this.unblock()
    })
    return true
  }

  /** Answers an error for a command that was not executed; an open transaction is broken by it. */
  #refuse(reply: Buffer): void {
    if (this.transaction !== null) this.transaction.isBroken = true
    if (this.#stats !== null) this.#stats.rejected++
    this.#replies.reply(reply, this.protocol, this.#isSilent)
  }

  #refuseStream(): void {
    this.#door.log('debug', 'client sent what is not RESP', { client: this.peer, error: this.#parser.error })
    this.#replies.reply(errorReply(`ERR ${this.#parser.error}`), this.protocol, false)
    this.#stage = 'finishing'
  }

  /** After each flush and drain: closes, or reads on, or stops reading. */
  #flushed(): void {
    if (this.#stage === 'closed' || this.#isPumping) return
    if (this.#replies.bytes > limits.replyQueueBytesMax) {
      this.#door.log('warn', 'client does not take its replies: closed', { client: this.peer })
      this.destroy()
    } else if (this.#stage === 'finishing') {
      if (this.#replies.isIdle) this.#farewell.begin()
    } else {
      this.#intake.regulate(this.#blocks > 0, this.#pump)
    }
  }
}
