/**
 * The one internal form of a reply: RESP3 bytes, built once where a command executes and kept in the dedupe table.
 * Two additions keep what RESP2 distinguishes and RESP3 does not: a null array is `*-1\r\n` and a null string
 * `$-1\r\n`; the RESP3 door turns both into `_\r\n`, the RESP2 door turns maps, sets, doubles, booleans… into what
 * Redis answers there. HTTP and text doors parse the bytes.
 */
import { type ErrorCode, errors } from './errors.ts'

const CRLF = Buffer.from('\r\n')

export const OK_REPLY = Buffer.from('+OK\r\n')
export const QUEUED_REPLY = Buffer.from('+QUEUED\r\n')
export const PONG_REPLY = Buffer.from('+PONG\r\n')
export const NULL_REPLY = Buffer.from('$-1\r\n')
export const NULL_ARRAY_REPLY = Buffer.from('*-1\r\n')
export const EMPTY_ARRAY_REPLY = Buffer.from('*0\r\n')

const SMALL_INTEGERS = Array.from({ length: 1024 }, (_, n) => Buffer.from(`:${n}\r\n`))

export function simpleReply(text: string): Buffer {
  return Buffer.from(`+${text}\r\n`)
}

/** `text` begins with its prefix, e.g. 'ERR syntax error'. Line ends in it become spaces. */
export function errorReply(text: string): Buffer {
  return Buffer.from(`-${text.replace(/[\r\n]/g, ' ')}\r\n`)
}

/** The reply for a row of the error table; `detail` is appended after a colon. */
export function errorCodeReply(code: ErrorCode, detail?: string): Buffer {
  return errorReply(detail === undefined ? errors[code].resp : `${errors[code].resp}: ${detail}`)
}

export function isErrorReply(reply: Buffer): boolean {
  return reply[0] === 0x2d
}

export function integerReply(value: number | bigint): Buffer {
  if (typeof value === 'number' && value >= 0 && value < SMALL_INTEGERS.length) {
    return SMALL_INTEGERS[value] as Buffer
  }
  return Buffer.from(`:${value}\r\n`)
}

/** True for the shared buffers that integerReply() gives for 0-1023, and for equal bytes. */
export function isSmallIntegerReply(reply: Buffer): boolean {
  if (reply[0] !== 0x3a || reply.length > 7 || reply[1] === 0x2d) return false
  return reply.length < 7 || Number(reply.toString('latin1', 1, reply.length - 2)) < SMALL_INTEGERS.length
}

export function bulkReply(bytes: Buffer): Buffer {
  const head = `$${bytes.length}\r\n`
  const out = Buffer.allocUnsafe(head.length + bytes.length + 2)
  out.write(head, 0, 'latin1')
  bytes.copy(out, head.length)
  out[out.length - 2] = 0x0d
  out[out.length - 1] = 0x0a
  return out
}

export function textReply(text: string): Buffer {
  return bulkReply(Buffer.from(text))
}

export function arrayReply(items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items])
}

/** Alternating keys and values. */
export function mapReply(items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`%${items.length / 2}\r\n`), ...items])
}

/** Elements in any order, each once. */
export function setReply(items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`~${items.length}\r\n`), ...items])
}

/** text with an encoding of 3 characters ('txt', 'mkd'), RESP3's verbatim string. */
export function verbatimReply(encoding: string, text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from(`=${bytes.length + 4}\r\n${encoding}:`), bytes, CRLF])
}
