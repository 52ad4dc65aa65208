/**
 * Canonical replies (protocol/reply.ts) into what a RESP2 or RESP3 client reads. A reply is a flat sequence
 * of tokens, so nesting needs no stack: a header changes in place, what follows it does not. Replies without
 * anything to change are handed on as they are.
 */
import { assert } from '../../lib/assert.ts'

const PLUS = 0x2b
const MINUS = 0x2d
const COLON = 0x3a
const DOLLAR = 0x24
const STAR = 0x2a
const PERCENT = 0x25
const TILDE = 0x7e
const COMMA = 0x2c
const HASH = 0x23
const PAREN = 0x28
const UNDERSCORE = 0x5f
const EQUALS = 0x3d
const BANG = 0x21
const GREATER = 0x3e
const CR = 0x0d

const RESP3_NULL = Buffer.from('_\r\n')
const RESP2_NULL = Buffer.from('$-1\r\n')
const ONE = Buffer.from(':1\r\n')
const ZERO = Buffer.from(':0\r\n')

/**
 * The reply as RESP2: maps become flat arrays, sets arrays, doubles, big numbers and verbatim strings bulk
 * strings.
 */
export function toResp2(reply: Buffer): Buffer {
  const type = reply[0]
  if (type === PLUS || type === COLON || type === DOLLAR || type === MINUS) return reply
  return rewrite(reply, changeForResp2)
}

/** The reply as RESP3: only the two nulls differ from the canonical form. */
export function toResp3(reply: Buffer): Buffer {
  const type = reply[0]
  if (type === PLUS || type === COLON || type === MINUS) return reply
  if (type === DOLLAR) return reply[1] === MINUS ? RESP3_NULL : reply
  return rewrite(reply, changeForResp3)
}

/**
 * What replaces a token, or null to keep it. `line` is where its header line ends (at CR), `end` where the
 * token ends.
 */
type Change = (reply: Buffer, start: number, line: number, end: number) => Buffer | null

function rewrite(reply: Buffer, change: Change): Buffer {
  const parts: Buffer[] = []
  let kept = 0
  let at = 0
  while (at < reply.length) {
    const line = lineEnd(reply, at + 1)
    const end = tokenEnd(reply, at, line)
    const replacement = change(reply, at, line, end)
    if (replacement !== null) {
      if (at > kept) parts.push(reply.subarray(kept, at))
      parts.push(replacement)
      kept = end
    }
    at = end
  }
  assert(at === reply.length, () => `Reply ends at ${at} of ${reply.length} bytes`)
  if (kept === 0) return reply
  if (kept < reply.length) parts.push(reply.subarray(kept))
  return Buffer.concat(parts)
}

function changeForResp2(reply: Buffer, start: number, line: number, end: number): Buffer | null {
  switch (reply[start]) {
    case PERCENT:
      return Buffer.from(`*${2 * numberAt(reply, start + 1, line)}\r\n`)
    case TILDE:
    case GREATER:
      return Buffer.from(`*${numberAt(reply, start + 1, line)}\r\n`)
    case COMMA:
    case PAREN:
      return Buffer.from(`$${line - start - 1}\r\n${reply.toString('latin1', start + 1, line)}\r\n`)
    case HASH:
      return reply[start + 1] === 0x74 ? ONE : ZERO
    case UNDERSCORE:
      return RESP2_NULL
    case EQUALS:
      // Four bytes of encoding ('txt:') lead the text.
      return bulk(reply.subarray(line + 6, end - 2))
    case BANG:
      return Buffer.from(
        `-${reply.toString('latin1', line + 2, end - 2).replace(/[\r\n]/g, ' ')}\r\n`,
        'latin1',
      )
    default:
      return null
  }
}

function changeForResp3(reply: Buffer, start: number): Buffer | null {
  const type = reply[start]
  return (type === STAR || type === DOLLAR) && reply[start + 1] === MINUS ? RESP3_NULL : null
}

function lineEnd(reply: Buffer, from: number): number {
  let at = from
  while (reply[at] !== CR) {
    at++
    assert(at < reply.length, () => `Reply has an open line at ${from}`)
  }
  return at
}

function tokenEnd(reply: Buffer, start: number, line: number): number {
  const type = reply[start]
  if (type !== DOLLAR && type !== EQUALS && type !== BANG) return line + 2
  const length = numberAt(reply, start + 1, line)
  return length < 0 ? line + 2 : line + 2 + length + 2
}

function numberAt(reply: Buffer, start: number, end: number): number {
  if (reply[start] === MINUS) return -1
  let value = 0
  for (let at = start; at < end; at++) value = value * 10 + ((reply[at] as number) - 0x30)
  return value
}

function bulk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])
}
