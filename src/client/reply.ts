/**
 * Replies of RESP2 and RESP3 as values, and the incremental parser that makes them. Bulk data stays bytes: what a
 * value means is the caller's business.
 */

/** An error reply: `code` is its first word, e.g. 'WRONGTYPE'. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
  readonly code: string

  constructor(text: string) {
    super(text)
    this.code = text.split(' ', 1)[0] ?? ''
  }
}

/** The server sent what is not RESP; the connection cannot be used any more. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/**
 * status: a simple string. bulk: bytes. map: pairs in the order sent. push: out of band, never an answer.
 * Errors inside arrays (EXEC) are kept as replies of kind 'error'.
 */
export type Reply =
  | { readonly kind: 'status'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: number | bigint }
  | { readonly kind: 'double'; readonly value: number; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'bulk'; readonly bytes: Buffer }
  | { readonly kind: 'array' | 'set' | 'push'; readonly items: readonly Reply[] }
  | { readonly kind: 'map'; readonly pairs: readonly (readonly [Reply, Reply])[] }

const CR = 0x0d
const NULL: Reply = { kind: 'null' }
const MAX_DEPTH = 64

/** Nothing complete yet. */
const PARTIAL = Symbol('partial')

/** Cuts replies out of received bytes. A partly received reply is parsed again when more of it has come. */
export class ReplyParser {
  #bytes: Buffer = Buffer.alloc(0)
  #chunks: Buffer[] = []
  #waiting = 0
  /** Bytes that must be there before another attempt is worth while. */
  #wanted = 1
  #at = 0

  /** Takes received bytes and calls `onReply` for each complete reply. Throws ProtocolError. */
  push(chunk: Buffer, onReply: (reply: Reply) => void): void {
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    if (this.#waiting < this.#wanted) return
    this.#bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#waiting)
    this.#at = 0
    this.#wanted = 1
    let start = 0
    while (start < this.#bytes.length) {
      const reply = this.#reply(0)
      if (reply === PARTIAL) break
      start = this.#at
      onReply(reply)
    }
    const rest = this.#bytes.subarray(start)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#waiting = rest.length
    this.#wanted = Math.max(this.#wanted - start, rest.length + 1)
  }

  #reply(depth: number): Reply | typeof PARTIAL {
    if (depth > MAX_DEPTH) throw new ProtocolError('A reply is nested too deeply')
    const line = this.#line()
    if (line === null) return PARTIAL
    const rest = line.slice(1)
    switch (line[0]) {
      case '+':
        return { kind: 'status', text: Buffer.from(rest, 'latin1').toString() }
      case '-':
        return { kind: 'error', text: Buffer.from(rest, 'latin1').toString() }
      case ':':
      case '(':
        return { kind: 'integer', value: toInteger(rest) }
      case ',':
        return { kind: 'double', value: toDouble(rest), text: rest }
      case '#':
        return { kind: 'boolean', value: rest === 't' }
      case '_':
        return NULL
      case '$':
      case '=':
      case '!':
        return this.#bulk(line)
      default:
        return this.#aggregate(line, depth)
    }
  }

  #bulk(line: string): Reply | typeof PARTIAL {
    const length = toLength(line.slice(1))
    if (length === -1) return NULL
    const end = this.#at + length
    if (end + 2 > this.#bytes.length) {
      this.#wanted = end + 2
      return PARTIAL
    }
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end + 2
    if (line[0] === '!') return { kind: 'error', text: bytes.toString() }
    // A verbatim string begins with its encoding and a colon.
    return { kind: 'bulk', bytes: line[0] === '=' ? bytes.subarray(4) : bytes }
  }

  #aggregate(line: string, depth: number): Reply | typeof PARTIAL {
    const kind = AGGREGATES[line[0] ?? '']
    if (kind === undefined)
      throw new ProtocolError(`A reply begins with ${JSON.stringify(line.slice(0, 20))}`)
    const count = toLength(line.slice(1))
    if (count === -1) return NULL
    const isMap = kind === 'map' || kind === 'attribute'
    const items: Reply[] = []
    for (let i = 0; i < (isMap ? 2 * count : count); i++) {
      const item = this.#reply(depth + 1)
      if (item === PARTIAL) return PARTIAL
      items.push(item)
    }
    // Attributes describe the reply that follows; nothing here needs them.
    if (kind === 'attribute') return this.#reply(depth)
    return kind === 'map' ? { kind, pairs: toPairs(items) } : { kind, items }
  }

  /** The next line without its end, as latin1; null when it is not complete. */
  #line(): string | null {
    const end = this.#bytes.indexOf(CR, this.#at)
    if (end === -1 || end + 1 >= this.#bytes.length) return null
    const line = this.#bytes.toString('latin1', this.#at, end)
    this.#at = end + 2
    return line
  }
}

const AGGREGATES: Readonly<Record<string, 'array' | 'set' | 'push' | 'map' | 'attribute'>> = {
  '*': 'array',
  '~': 'set',
  '>': 'push',
  '%': 'map',
  '|': 'attribute',
}

function toPairs(items: readonly Reply[]): [Reply, Reply][] {
  const pairs: [Reply, Reply][] = []
  for (let i = 0; i + 1 < items.length; i += 2) pairs.push([items[i] as Reply, items[i + 1] as Reply])
  return pairs
}

function toLength(text: string): number {
  if (!/^(-1|\d{1,10})$/.test(text)) throw new ProtocolError(`A reply has the length ${JSON.stringify(text)}`)
  return Number(text)
}

function toInteger(text: string): number | bigint {
  if (!/^[-+]?\d+$/.test(text)) throw new ProtocolError(`A reply has the number ${JSON.stringify(text)}`)
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

function toDouble(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

/** The reply as text: for replies that are one value. Null stays null; aggregates are refused. */
export function replyText(reply: Reply): string | null {
  switch (reply.kind) {
    case 'null':
      return null
    case 'status':
    case 'error':
    case 'double':
      return reply.text
    case 'bulk':
      return reply.bytes.toString()
    case 'integer':
    case 'boolean':
      return String(reply.value)
    default:
      throw new ProtocolError(`Wanted one value, got a reply of kind ${reply.kind}`)
  }
}
