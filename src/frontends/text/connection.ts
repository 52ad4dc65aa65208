/**
 * One connection of a text protocol: bytes in, lines in their order to the language, replies out in the same order. It
 * stops reading while too much is in execution or too many replies wait for the client (R20); idle it may stay forever.
 */
import type { Socket } from 'node:net'
import type { NodeStatus, Session } from '../../cluster/execute.ts'
import { checkCommand } from '../../engine/check-command.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { ConnectedClient, Speech } from '../connection/clients.ts'
import { localOf, peerOf } from '../connection/ends.ts'
import { Farewell } from '../connection/farewell.ts'
import { Intake } from '../connection/intake.ts'
import { OutputWatch } from '../connection/output-limits.ts'
import type { Door } from '../door.ts'
import { errorText, type Language, type TextClient, type TextRequest, type TextStream } from './language.ts'
import type { LineBudget } from './line-budget.ts'
import { LineReader } from './line-reader.ts'
import { type Slot, TextReplies } from './replies.ts'

/** As in resp/connection.ts. */
type Stage = 'open' | 'finishing' | 'closed'

export interface TextService {
  readonly door: Door
  readonly language: Language
  readonly budget: LineBudget
}

export class TextConnection implements TextClient, ConnectedClient {
  readonly door: Door
  readonly id: number
  readonly speaks: Speech
  readonly peer: string
  readonly local: string
  readonly connectedAtMs: number
  lastActiveMs: number
  lastCommand = 'NULL'
  isAuthenticated: boolean

  readonly #language: Language
  readonly #budget: LineBudget
  readonly #socket: Socket
  readonly #session: Session
  readonly #lines = new LineReader()
  readonly #replies: TextReplies
  readonly #intake: Intake
  readonly #farewell: Farewell
  readonly #output: OutputWatch
  readonly #onClosed: () => void
  #stage: Stage = 'open'
  #status: NodeStatus | null = null
  /** A reply in parts: begins when nothing stands before it, and nothing behind it is looked at. */
  #source: ((out: TextStream) => void) | null = null
  #isStreaming = false
  #onRoom: (() => void) | null = null
  #onGone: (() => void) | null = null
  #charged = 0
  #isPumping = false
  #isDirty = false
  /** The client's last line may lack its end. */
  #isRestDue = false

  constructor({ door, language, budget }: TextService, socket: Socket, onClosed: () => void) {
    this.door = door
    this.#language = language
    this.#budget = budget
    this.#socket = socket
    this.#onClosed = onClosed
    this.id = door.clients.nextId()
    this.speaks = language.name
    this.peer = peerOf(socket)
    this.local = localOf(socket)
    this.connectedAtMs = door.clock.monotonicMs()
    this.lastActiveMs = this.connectedAtMs
    this.isAuthenticated = !door.hasPassword
    this.#session = door.executor.openSession()
    this.#replies = new TextReplies(socket, door, this)
    this.#intake = new Intake(socket, door, this.#replies, this)
    this.#farewell = new Farewell(socket, door.clock, () => this.destroy())
    this.#output = new OutputWatch(door.clock)
    door.clients.add(this)
    socket.on('data', (chunk: Buffer) => this.push(chunk))
    socket.on('end', () => this.clientEnded())
    socket.on('drain', () => this.#flushed())
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  get pendingCommands(): number {
    return this.#replies.length + (this.#source !== null || this.#isStreaming ? 1 : 0)
  }

  get replyBytes(): number {
    return this.#replies.bytes
  }

  push(chunk: Buffer): void {
    this.door.stats.bytesIn += chunk.length
    // As in RESP: what comes behind the end of service is taken and dropped.
    if (this.#stage !== 'open' || this.#intake.hasEnded) return
    this.#lines.push(chunk)
    this.#pump()
  }

  /** FIN: everything sent before it is answered, then the connection half-closes (R15). */
  clientEnded(): void {
    this.#isRestDue = !this.#intake.hasEnded
    this.finish()
  }

  /** R17: nothing more is read; what was read is answered. */
  finish(): void {
    if (this.#intake.hasEnded) return
    this.#intake.end()
    this.#pump()
  }

  destroy(): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#farewell.over()
    this.#session.closed = true
    this.#onGone?.()
    this.#replies.abandon()
    this.#budget.change(this.#charged, 0)
    this.door.inFlight.forget(this)
    this.door.clients.delete(this)
    this.#socket.destroy()
    this.door.executor.closeSession(this.#session)
    this.#onClosed()
  }

  reply(text: string): void {
    this.#replies.fill(this.#replies.open(), text)
  }

  run(request: TextRequest): void {
    this.#run(request, this.#replies.open())
  }

  stream(source: (out: TextStream) => void): void {
    this.#source = source
  }

  status(): NodeStatus {
    this.#status ??= this.door.executor.status()
    return this.#status
  }

  closeAfterReplies(): void {
    this.#stage = 'finishing'
  }

  /** At the end of a turn in which replies became known, or when there is room in execution again. */
  flush(): void {
    this.#isDirty = false
    if (this.#stage === 'closed') return
    this.#replies.flush()
    this.#flushed()
  }

  #run(request: TextRequest, slot: Slot): void {
    const { door } = this
    this.lastCommand = request.command.spec.name
    const refusal = checkCommand(request.command)
    if (refusal !== null) return this.#fill(slot, this.#language.failure('TOO_LARGE', errorText(refusal)))
    const { deadlineMs, principal } = door.executeOptions(this.#session, door.clock.monotonicMs())
    const options = { session: this.#session, consistency: request.consistency, deadlineMs, principal }
    door.execute(request.command, options, this.peer, (result) => {
      if (this.#stage === 'closed') return
      const answer = request.answer(result)
      if (typeof answer === 'string' || Buffer.isBuffer(answer)) this.#fill(slot, answer)
      else this.#run(answer, slot)
    })
  }

  #fill(slot: Slot, answer: string | Buffer): void {
    this.#replies.fill(slot, answer)
    if (this.#isPumping || this.#isDirty) return
    this.#isDirty = true
    this.door.flushes.add(this)
  }

  /** Hands lines to the language while there are any and nothing forbids it; then sends what is known. */
  readonly #pump = (): void => {
    if (this.#isPumping) return
    this.#isPumping = true
    this.lastActiveMs = this.door.turn.nowMs()
    this.#status = null
    while (this.#canTake && this.#takeLine()) this.#beginStream()
    this.#isPumping = false
    this.flush()
  }

  get #canTake(): boolean {
    return this.#stage === 'open' && this.#source === null && !this.#isStreaming && !this.#intake.isCongested
  }

  /** False when there is nothing more to take for now. */
  #takeLine(): boolean {
    const line = this.#lines.next()
    if (!this.#charge(line === null ? this.#lines.pendingBytes : line.length)) return false
    if (line !== null) {
      this.#line(line, true)
      return true
    }
    if (!this.#intake.hasEnded) return false
    const rest = this.#isRestDue ? this.#lines.takeRest() : null
    this.#charge(0)
    if (rest !== null && rest.length > 0) this.#line(rest, false)
    if (this.#stage === 'open' && this.#source === null) this.#stage = 'finishing'
    return false
  }

  #line(line: Buffer, isWhole: boolean): void {
    this.door.stats.commands++
    this.#language.line(this, line, isWhole)
  }

  /** Keeps account of the line under way; one that is too long, or one too many, ends the service (R20). */
  #charge(bytes: number): boolean {
    const isTooLong = bytes > limits.textLineBytes
    if (!isTooLong && this.#budget.change(this.#charged, bytes)) {
      this.#charged = bytes
      return true
    }
    const limit = `a line may have ${limits.textLineBytes} bytes`
    this.reply(isTooLong ? this.#language.failure('TOO_LARGE', limit) : this.#language.failure('OVERLOADED'))
    this.#stage = 'finishing'
    return false
  }

  /** After each flush and drain: goes on with the reply in parts, closes, reads on, or stops reading. */
  #flushed(): void {
    if (this.#stage === 'closed' || this.#isPumping) return
    if (!this.#output.allows(this.#replies.bytes, this.door.tuning.output.normal)) {
      this.door.log('warn', 'A client does not take its replies: closed', { client: this.peer })
      this.destroy()
      return
    }
    this.#beginStream()
    if (this.#isStreaming) this.#streamOn()
    else if (this.#stage !== 'finishing') this.#intake.regulate(this.#source !== null, this.#pump)
    else if (this.#replies.isIdle) this.#farewell.begin()
  }

  #beginStream(): void {
    const source = this.#source
    if (source === null || this.#replies.length > 0) return
    this.#source = null
    this.#isStreaming = true
    source({
      client: this,
      write: (bytes, then) => this.#writePart(bytes, then),
      end: () => this.#endStream(),
      fail: (code) => this.#failStream(code),
      cut: () => this.destroy(),
      whenGone: (run) => this.#whenGone(run),
    })
  }

  #writePart(bytes: string, then: () => void): void {
    if (this.#stage === 'closed') return
    this.#replies.write(Buffer.from(bytes))
    this.#onRoom = then
    this.#replies.flush()
    this.door.clock.defer(() => this.#flushed())
  }

  #streamOn(): void {
    this.#intake.stop()
    if (this.#replies.bytes > limits.replyQueueBytes) return
    const then = this.#onRoom
    this.#onRoom = null
    then?.()
  }

  #whenGone(run: () => void): void {
    if (this.#stage === 'closed') run()
    else this.#onGone = run
  }

  #failStream(code: ErrorCode): void {
    if (this.#stage === 'closed') return
    this.reply(this.#language.failure(code))
    this.#endStream()
  }

  #endStream(): void {
    this.#isStreaming = false
    this.#onGone = null
    if (this.#stage === 'closed') return
    this.door.clock.defer(() => this.#flushed())
  }
}
