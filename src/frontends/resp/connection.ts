/**
 * One RESP connection: bytes in, commands in their order to local commands or the executor, replies out in
 * the same order. It stops reading while too much is in execution or too many replies wait for the client
 * (R20).
 */
import type { Socket } from 'node:net'
import type { Consistency, Session } from '../../cluster/execute.ts'
import { checkCommand, nameWords } from '../../engine/check-command.ts'
import type { Command } from '../../protocol/commands.ts'
import { limits } from '../../protocol/limits.ts'
import { errorReply, QUEUED_REPLY } from '../../protocol/reply.ts'
import type { WatchedKey } from '../../protocol/transaction.ts'
import type { Answer, Client, ReplyMode } from '../client.ts'
import { localOf, peerOf } from '../connection/ends.ts'
import { Farewell } from '../connection/farewell.ts'
import { Intake } from '../connection/intake.ts'
import { type OutputClass, OutputWatch } from '../connection/output-limits.ts'
import type { Door } from '../door.ts'
import { refusalFor } from '../pubsub/mode.ts'
import type { ClientSubscriptions } from '../pubsub/subscriptions.ts'
import type { CommandEntry } from '../registry/commands.ts'
import type { ClientTracking } from '../tracking/client-tracking.ts'
import { Calls } from './calls.ts'
import { NOAUTH, unknownCommand, unknownSubcommand, wrongArity } from './errors.ts'
import { Parsed, RespParser } from './parser.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { Transaction } from './transaction.ts'

/**
 * open: serves. finishing: reads no more commands, answers those read, then half-closes. closed: the socket
 * is gone.
 */
type Stage = 'open' | 'finishing' | 'closed'

export class RespConnection implements Client {
  readonly id: number
  readonly speaks = 'resp'
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
  readonly #calls: Calls
  /** Something that the fast path of a command must look at: no authentication, MULTI, a mode or a pause. */
  #isGuarded: boolean
  #stage: Stage = 'open'
  #blocks = 0
  #isPumping = false
  readonly #intake: Intake
  readonly #farewell: Farewell
  readonly #output: OutputWatch

  constructor(door: Door, socket: Socket, onClosed: () => void) {
    this.#door = door
    this.#socket = socket
    this.#onClosed = onClosed
    this.id = door.clients.nextId()
    this.session = door.executor.openSession()
    this.peer = peerOf(socket)
    this.local = localOf(socket)
    this.connectedAtMs = door.clock.monotonicMs()
    this.lastActiveMs = this.connectedAtMs
    this.isAuthenticated = !door.hasPassword
    this.#isGuarded = !this.isAuthenticated || door.pause.isActive
    this.#parser = new RespParser(door.commands.names)
    this.#parser.isTrusted = this.isAuthenticated
    this.#replies = new ReplyQueue(socket, door, () => this.#flushed())
    this.#calls = new Calls(this, door, this.#replies)
    this.#intake = new Intake(socket, door, this.#replies, this.#replies)
    this.#output = new OutputWatch(door.clock)
    this.#farewell = new Farewell(socket, door.clock, () => this.destroy())
    door.clients.addResp(this)
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
    this.#calls.replyMode = mode
    this.#guard()
  }

  setConsistency(consistency: Consistency): void {
    this.consistency = consistency
    this.#calls.renewOptions()
  }

  push(bytes: Buffer): void {
    if (this.#stage !== 'open') return
    this.#replies.push(bytes)
    this.#giveUp('pubsub', 'client does not take what it subscribed to: closed')
  }

  pauseChanged(): void {
    this.#guard()
  }

  execute(command: Command): void {
    this.#calls.execute(command)
  }

  ask(command: Command, then: (reply: Buffer) => void): void {
    this.#calls.ask(command, then)
  }

  promise(): Answer {
    return this.#calls.promise()
  }

  capture(run: () => Buffer | null, then: (reply: Buffer) => void): void {
    this.#calls.capture(run, then)
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
    this.#calls.renewOptions()
    while (this.#stage === 'open' && this.#blocks === 0 && !this.#intake.isCongested) {
      const parsed = this.#parser.next()
      if (parsed === Parsed.command) this.#command()
      else if (parsed === Parsed.error) this.#refuseStream()
      else if (this.#intake.hasEnded) this.#stage = 'finishing'
      else break
    }
    this.#calls.release(this.#parser.release())
    this.#isPumping = false
    this.#replies.flush()
  }

  #guard(): void {
    const { pause } = this.#door
    const isPlain = this.isAuthenticated && this.transaction === null && this.#calls.replyMode === 'on'
    this.#isGuarded = !isPlain || pause.isActive || this.subscriptions !== null
  }

  #command(): void {
    const parser = this.#parser
    const entry = parser.entry
    const calls = this.#calls
    const wasSkipping = calls.replyMode === 'skip'
    this.#door.stats.commands++
    calls.begin(null, parser.args)
    if (entry === null) {
      this.#refuse(this.isAuthenticated ? unknownCommand(parser.name, parser.args) : NOAUTH)
    } else if (entry.subcommands !== null && parser.args.length > 0) {
      this.#subcommand(entry, parser.args)
    } else {
      this.#dispatch(entry, parser.args, parser.args.length + 1)
    }
    if (wasSkipping && calls.replyMode === 'skip') this.setReplyMode('on')
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
    this.#calls.begin(entry.stats, args)
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
    if (reply !== null) this.#calls.answer(reply)
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
      this.#calls.say(QUEUED_REPLY)
    }
    return true
  }

  /** CLIENT PAUSE: the command is looked at again when the pause is over, and nothing behind it before. */
  #paused(entry: CommandEntry, args: readonly Buffer[]): boolean {
    const { pause } = this.#door
    if (!pause.holds(entry)) return false
    const mode = this.#calls.replyMode
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
    this.#calls.refuse(reply)
  }

  #refuseStream(): void {
    this.#door.log('debug', 'A client sent what is not RESP', {
      client: this.peer,
      error: this.#parser.error,
    })
    this.#replies.reply(errorReply(`ERR ${this.#parser.error}`), this.protocol, false)
    this.#stage = 'finishing'
  }

  /** After each flush and drain: closes, or reads on, or stops reading. */
  #flushed(): void {
    if (this.#stage === 'closed' || this.#isPumping) return
    if (this.#giveUp(this.isListening ? 'pubsub' : 'normal', 'A client does not take its replies: closed'))
      return
    if (this.#stage !== 'finishing') this.#intake.regulate(this.#blocks > 0, this.#pump)
    else if (this.#replies.isIdle) this.#farewell.begin()
  }

  /** Closes the client when more waits for it than may; false when it may. */
  #giveUp(as: OutputClass, why: string): boolean {
    if (this.#output.allows(this.#replies.bytes, this.#door.tuning.output[as])) return false
    this.#door.log('warn', why, { client: this.peer })
    this.destroy()
    return true
  }
}
