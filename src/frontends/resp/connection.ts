/**
 * One RESP connection: bytes in, commands in their order to local commands or the executor, replies out in
 * the same order. It stops reading while too much is in execution or too many replies wait for the client
 * (R20).
 */
import type { Socket } from 'node:net'
import type { ExecuteOptions, Session } from '../../cluster/execute.ts'
import { checkCommand } from '../../engine/check-command.ts'
import type { Timer } from '../../lib/clock.ts'
import type { Command } from '../../protocol/commands.ts'
import { limits } from '../../protocol/limits.ts'
import { errorCodeReply, errorReply, QUEUED_REPLY } from '../../protocol/reply.ts'
import type { WatchedKey } from '../../protocol/transaction.ts'
import type { Answer, Client, ReplyMode } from '../client.ts'
import type { CommandEntry } from '../commands.ts'
import type { Door } from '../door.ts'
import { NOAUTH, unknownCommand, unknownSubcommand, wrongArity } from './errors.ts'
import { Parsed, RespParser } from './parser.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { Transaction } from './transaction.ts'

/** How long a half-closed connection may go on sending before it is cut. */
const LINGER_MS = 5_000

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

  readonly #door: Door
  readonly #socket: Socket
  readonly #parser: RespParser<CommandEntry>
  readonly #replies: ReplyQueue
  readonly #onClosed: () => void
  /** Shared by the commands of one turn. */
  #options: ExecuteOptions
  #replyMode: ReplyMode = 'on'
  /** Something that the fast path of a command must look at: no authentication, MULTI, CLIENT REPLY. */
  #isGuarded: boolean
  #stage: Stage = 'open'
  #blocks = 0
  #isPumping = false
  #isPaused = false
  #hasEnded = false
  #hasHalfClosed = false
  #linger: Timer | null = null

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
    this.#isGuarded = !this.isAuthenticated
    this.#parser = new RespParser(door.commands.names)
    this.#parser.isTrusted = this.isAuthenticated
    this.#options = door.executeOptions(this.session, this.connectedAtMs)
    this.#replies = new ReplyQueue(socket, door.flushes, door.stats, () => this.#flushed())
    door.clients.set(this.id, this)
    socket.on('data', (chunk: Buffer) => this.#data(chunk))
    socket.on('end', () => this.finish())
    socket.on('drain', () => this.#flushed())
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  get pendingCommands(): number {
    return this.#replies.length
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

  setReplyMode(mode: ReplyMode): void {
    this.#replyMode = mode
    this.#guard()
  }

  execute(command: Command): void {
    const { executor, inFlight } = this.#door
    const pending = this.#replies.openInFlight(this.protocol, this.#isSilent, inFlight, sizeOf(command))
    executor.execute(command, this.#options, pending.done)
  }

  ask(command: Command, then: (reply: Buffer) => void): void {
    const { executor, inFlight } = this.#door
    const bytes = sizeOf(command)
    inFlight.add(bytes)
    executor.execute(command, this.#options, (result) => {
      inFlight.remove(bytes)
      then(result.reply)
    })
  }

  promise(): Answer {
    return this.#replies.open(this.protocol, this.#isSilent)
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
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#socket.resume()
    this.#pump()
  }

  destroy(): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#linger?.cancel()
    this.session.closed = true
    this.#replies.abandon()
    this.#door.inFlight.forget(this.#replies)
    this.#socket.destroy()
    this.#door.clients.delete(this.id)
    this.#door.executor.closeSession(this.session)
    this.#onClosed()
  }

  #data(chunk: Buffer): void {
    this.#door.stats.bytesIn += chunk.length
    // Bytes behind the end of service are taken, so that closing does not reset the connection, and dropped
    // (R17).
    if (this.#stage !== 'open' || this.#hasEnded) return
    this.#parser.push(chunk)
    this.#pump()
  }

  /** Takes commands from the parser while there are any and nothing forbids it; then sends what is known. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    this.#replies.hold()
    this.lastActiveMs = this.#door.clock.monotonicMs()
    this.#options = this.#door.executeOptions(this.session, this.lastActiveMs)
    while (this.#stage === 'open' && this.#blocks === 0 && !this.#isCongested) {
      const parsed = this.#parser.next()
      if (parsed === Parsed.command) this.#command()
      else if (parsed === Parsed.error) this.#refuseStream()
      else if (this.#hasEnded) this.#stage = 'finishing'
      else break
    }
    this.#isPumping = false
    this.#replies.flush()
  }

  get #isCongested(): boolean {
    const { length, bytes } = this.#replies
    return length >= limits.pipelineCommands || bytes > limits.replyQueueBytes || this.#door.inFlight.isFull
  }

  get #isSilent(): boolean {
    return this.#replyMode !== 'on'
  }

  #guard(): void {
    this.#isGuarded = !this.isAuthenticated || this.transaction !== null || this.#replyMode !== 'on'
  }

  #command(): void {
    const parser = this.#parser
    const entry = parser.entry
    const wasSkipping = this.#replyMode === 'skip'
    this.#door.stats.commands++
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
    const isLengthOk = spec.arity >= 0 ? count === spec.arity : count >= -spec.arity
    if (this.#isGuarded && this.#guarded(entry, args, isLengthOk)) return
    if (!isLengthOk) this.#refuse(wrongArity(spec.name))
    else if (entry.local !== null) this.#runLocal(entry, args)
    else this.#runRemote({ spec, database: this.database, args })
  }

  #runRemote(command: Command): void {
    const refusal = this.#parser.largest > limits.keyBytes ? checkCommand(command) : null
    if (refusal === null) this.execute(command)
    else this.#refuse(refusal)
  }

  #runLocal(entry: CommandEntry, args: readonly Buffer[]): void {
    const reply = entry.local?.run(this, args, this.#door) ?? null
    if (reply !== null) this.#replies.reply(reply, this.protocol, this.#isSilent)
  }

  /** The slow path; true when the command was dealt with. */
  #guarded(entry: CommandEntry, args: readonly Buffer[], isLengthOk: boolean): boolean {
    if (!this.isAuthenticated && entry.local?.isOpen !== true) {
      this.#refuse(NOAUTH)
      return true
    }
    const transaction = this.transaction
    if (transaction === null || entry.local?.inTransaction === 'now') return false
    const refusal = this.#queueRefusal(entry, args, isLengthOk)
    if (refusal !== null) {
      this.#refuse(refusal)
    } else if (transaction.queue(entry, args, this.#parser.bytes)) {
      this.#replies.reply(QUEUED_REPLY, this.protocol, this.#isSilent)
    } else {
      this.#refuse(errorCodeReply('TOO_LARGE', 'the transaction'))
    }
    return true
  }

  #queueRefusal(entry: CommandEntry, args: readonly Buffer[], isLengthOk: boolean): Buffer | null {
    if (!isLengthOk) return wrongArity(entry.spec.name)
    if (entry.local?.inTransaction === 'refuse')
      return errorReply('ERR Command not allowed inside a transaction')
    return entry.local === null ? checkCommand({ spec: entry.spec, database: this.database, args }) : null
  }

  /** Answers an error for a command that was not executed; an open transaction is broken by it. */
  #refuse(reply: Buffer): void {
    if (this.transaction !== null) this.transaction.isBroken = true
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
      this.#halfClose()
    } else {
      this.#readOn()
    }
  }

  #halfClose(): void {
    if (this.#hasHalfClosed || !this.#replies.isIdle) return
    this.#hasHalfClosed = true
    this.#socket.resume()
    this.#socket.end(() => this.#awaitFin())
  }

  /** Everything is sent: the client has a while to close its end. */
  #awaitFin(): void {
    if (this.#stage === 'closed') return
    this.#linger = this.#door.clock.setTimer(LINGER_MS, () => this.destroy())
  }

  #readOn(): void {
    const mustWait = this.#blocks > 0 || this.#isCongested
    if (mustWait) {
      if (this.#door.inFlight.isFull) this.#door.inFlight.awaitRoom(this.#replies)
      if (!this.#isPaused && !this.#hasEnded) this.#socket.pause()
      this.#isPaused = true
    } else if (this.#isPaused) {
      this.#isPaused = false
      this.#pump()
      if (!this.#isPaused) this.#socket.resume()
    }
  }
}

function sizeOf(command: Command): number {
  let bytes = 0
  for (const arg of command.args) bytes += arg.length
  return bytes
}
