/**
 * Commands out of a byte stream, in any chunking: arrays of bulk strings, and inline lines. A pull parser:
 * push() a chunk, then next() until it says that it needs more; whoever calls may stop in between. Arguments
 * are views of the chunk unless a boundary splits them or a small one would keep a large chunk in memory.
 * After an error the stream is useless: the caller answers `error` and closes.
 */
import { limits } from '../../protocol/limits.ts'
import { splitInline } from './inline.ts'
import type { NameTable } from './names.ts'

export const Parsed = { command: 0, more: 1, error: 2 } as const
export type Parsed = (typeof Parsed)[keyof typeof Parsed]

const STAR = 0x2a
const DOLLAR = 0x24
const CR = 0x0d
const LF = 0x0a
const NO_BYTES = Buffer.alloc(0)
/** Never pushed to: every command begins with an array of its own. */
const NO_ARGS: Buffer[] = []

/** A split argument up to this size is joined with the next chunk; a larger one is gathered apart from it. */
const CARRY_BYTES = 16 * 1024
/** An argument up to this size is copied out of a chunk that is more than RETAIN_BYTES larger. */
const COPY_BYTES = 1024
const RETAIN_BYTES = 16 * 1024
/** Redis' limits for a client that has not authenticated. */
const STRANGER_ARGUMENTS = 10
const STRANGER_BULK_BYTES = 16_384
/** What #readLength gives beside lengths. */
const INCOMPLETE = -2
const INVALID = -3
/** What #inline gives for a line without words: nothing to answer. */
const EMPTY_LINE = -1

export class RespParser<T> {
  readonly #names: NameTable<T>
  #chunk: Buffer = NO_BYTES
  #at = 0
  /** Arguments of the current array still to come; 0 between commands. */
  #missing = 0
  /** Is the next argument the command's name? */
  #isNameNext = false
  /** Length of the bulk string whose header was read; -1 = a header is next. */
  #bulk = -1
  /** A large split bulk string with its CRLF: what came, how much is still to come, and then the whole. */
  #parts: Buffer[] = []
  #partsMissing = 0
  #gathered: Buffer | null = null
  #hasFailed = false

  /** False limits what a stranger can make the node keep. */
  isTrusted = true
  /** The command found by next(): null when the name is not known, then `name` holds it. */
  entry: T | null = null
  name: Buffer = NO_BYTES
  args: Buffer[] = []
  /** Size of all arguments and of the largest one, in bytes. */
  bytes = 0
  largest = 0
  /** The text for the client after Parsed.error, e.g. 'Protocol error: invalid bulk length'. */
  error = ''

  constructor(names: NameTable<T>) {
    this.#names = names
  }

  /** Lets go of the last command and its chunk, so that an idle connection keeps neither; gives its arguments: none. */
  release(): readonly Buffer[] {
    if (this.#missing > 0) return NO_ARGS
    this.args = NO_ARGS
    this.name = NO_BYTES
    if (this.#at >= this.#chunk.length) this.#start(NO_BYTES)
    return NO_ARGS
  }

  push(chunk: Buffer): void {
    if (this.#partsMissing > 0) this.#gather(chunk)
    else if (this.#at >= this.#chunk.length) this.#start(chunk)
    else this.#start(Buffer.concat([this.#chunk.subarray(this.#at), chunk]))
  }

  next(): Parsed {
    if (this.#hasFailed) return Parsed.error
    for (;;) {
      if (this.#missing === 0) {
        const begun = this.#begin()
        if (begun !== Parsed.command || this.#missing === 0) return begun
      }
      if (this.#bulk < 0) {
        const header = this.#bulkHeader()
        if (header !== Parsed.command) return header
      }
      const taken = this.#bulkBody()
      if (taken !== Parsed.command) return taken
      if (this.#missing === 0) return Parsed.command
    }
  }

  #start(chunk: Buffer): void {
    this.#chunk = chunk
    this.#at = 0
  }

  #reset(): void {
    this.entry = null
    this.name = NO_BYTES
    this.args = []
    this.bytes = 0
    this.largest = 0
  }

  /**
   * Reads what opens a command; Parsed.command with #missing = 0 means that an inline command is complete.
   */
  #begin(): Parsed {
    for (;;) {
      const chunk = this.#chunk
      if (this.#at >= chunk.length) return Parsed.more
      if (chunk[this.#at] !== STAR) {
        const inline = this.#inline()
        if (inline !== EMPTY_LINE) return inline
        continue
      }
      const count = this.#readLength()
      if (count === INCOMPLETE) return Parsed.more
      if (count === INVALID || count > limits.requestArguments) return this.#fail('invalid multibulk length')
      if (count > STRANGER_ARGUMENTS && !this.isTrusted) return this.#fail('unauthenticated multibulk length')
      if (count <= 0) continue
      this.#reset()
      this.#missing = count
      this.#isNameNext = true
      return Parsed.command
    }
  }

  #inline(): Parsed | typeof EMPTY_LINE {
    const end = this.#chunk.indexOf(LF, this.#at)
    const length = (end < 0 ? this.#chunk.length : end) - this.#at
    if (length > limits.inlineBytes) return this.#fail('too big inline request')
    if (end < 0) return Parsed.more
    const isCr = end > this.#at && this.#chunk[end - 1] === CR
    const args = splitInline(this.#chunk.subarray(this.#at, isCr ? end - 1 : end))
    if (args === null) return this.#fail('unbalanced quotes in request')
    this.#at = end + 1
    this.#reset()
    const name = args.shift()
    if (name === undefined) return EMPTY_LINE
    this.#setName(name, 0, name.length)
    this.args = args
    for (const arg of args) this.#count(arg.length)
    return Parsed.command
  }

  #bulkHeader(): Parsed {
    if (this.#at >= this.#chunk.length) return Parsed.more
    const first = this.#chunk[this.#at] as number
    if (first !== DOLLAR) return this.#fail(`expected '$', got '${printable(first)}'`)
    const length = this.#readLength()
    if (length === INCOMPLETE) return Parsed.more
    if (length < 0 || length > limits.valueBytes) return this.#fail('invalid bulk length')
    if (length > STRANGER_BULK_BYTES && !this.isTrusted) return this.#fail('unauthenticated bulk length')
    if (this.bytes + length > limits.requestBytes) return this.#fail('request is larger than the limit')
    this.#bulk = length
    return Parsed.command
  }

  #bulkBody(): Parsed {
    const length = this.#bulk
    const gathered = this.#gathered
    if (gathered !== null) {
      this.#gathered = null
      return this.#takeBulk(gathered, 0, length)
    }
    const start = this.#at
    if (start + length + 2 > this.#chunk.length) return this.#split(length + 2)
    this.#at = start + length + 2
    return this.#takeBulk(this.#chunk, start, start + length)
  }

  /** The bulk string is bytes [start, end) of `chunk`, which holds two more. */
  #takeBulk(chunk: Buffer, start: number, end: number): Parsed {
    if (chunk[end] !== CR || chunk[end + 1] !== LF) return this.#fail('a bulk string must end with CRLF')
    this.#bulk = -1
    this.#missing--
    if (this.#isNameNext) {
      this.#isNameNext = false
      this.#setName(chunk, start, end)
    } else {
      this.#count(end - start)
      this.args.push(view(chunk, start, end))
    }
    return Parsed.command
  }

  #setName(chunk: Buffer, start: number, end: number): void {
    this.entry = this.#names.find(chunk, start, end)
    if (this.entry === null) this.name = chunk.subarray(start, end)
  }

  #count(length: number): void {
    this.bytes += length
    if (length > this.largest) this.largest = length
  }

  /** A bulk string that the chunk does not hold completely: waits for more, or starts to gather it. */
  #split(size: number): Parsed {
    if (size > CARRY_BYTES && this.#partsMissing === 0) {
      const rest = this.#chunk.subarray(this.#at)
      this.#start(NO_BYTES)
      this.#parts.push(rest)
      this.#partsMissing = size - rest.length
    }
    return Parsed.more
  }

  #gather(chunk: Buffer): void {
    const part = chunk.subarray(0, this.#partsMissing)
    this.#parts.push(part)
    this.#partsMissing -= part.length
    if (this.#partsMissing > 0) return
    this.#gathered = Buffer.concat(this.#parts)
    this.#parts = []
    this.#start(chunk.subarray(part.length))
  }

  /**
   * The number between the type byte at #at and CRLF, which it consumes; INCOMPLETE when the line end is not
   * there yet, INVALID when it is no number as Redis writes them.
   */
  #readLength(): number {
    const chunk = this.#chunk
    let at = this.#at + 1
    const isNegative = chunk[at] === 0x2d
    if (isNegative) at++
    const first = at
    let value = 0
    for (; at < chunk.length; at++) {
      const digit = (chunk[at] as number) - 0x30
      if (digit < 0 || digit > 9 || at - first > 15) break
      value = value * 10 + digit
    }
    if (at + 1 >= chunk.length && (at >= chunk.length || chunk[at] === CR)) return INCOMPLETE
    if (chunk[at] !== CR || chunk[at + 1] !== LF || at === first) return INVALID
    if (chunk[first] === 0x30 && (at > first + 1 || isNegative)) return INVALID
    this.#at = at + 2
    return isNegative ? -1 : value
  }

  #fail(text: string): Parsed {
    this.#hasFailed = true
    this.error = `Protocol error: ${text}`
    return Parsed.error
  }
}

function view(chunk: Buffer, start: number, end: number): Buffer {
  const length = end - start
  if (length > COPY_BYTES || chunk.length - length <= RETAIN_BYTES) return chunk.subarray(start, end)
  const copy = Buffer.allocUnsafe(length)
  chunk.copy(copy, 0, start, end)
  return copy
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
}
