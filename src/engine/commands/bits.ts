/** SETBIT, GETBIT, BITCOUNT and BITPOS: single bits of a string, and how they lie. */
import { errorReply, integerReply } from '../../protocol/reply.ts'
import { NOT_AN_INTEGER, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import { BIT_OFFSET_OUT_OF_RANGE, bitAt, countBits, findBit, parseBitOffset } from '../bits.ts'
import type { CommandContext } from '../context.ts'
import { type Integer, parseInteger } from '../integers.ts'
import { bytesOf, grown, isReversed, readString, replaceString, type Span, spanOf } from '../strings.ts'

const NO_BIT = errorReply('ERR bit is not an integer or out of range')
const NO_SEARCHED_BIT = errorReply('ERR The bit argument must be 1 or 0.')

/** A range of bytes or bits as clients give it; without an end it goes to the end of the string. */
interface BitRange {
  readonly start: Integer
  readonly end: Integer | null
  readonly inBits: boolean
}

/** SETBIT key offset bit: the bit before. What changes nothing has no effect (R11). */
export function setbit(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, position, wanted] = args as [Buffer, Buffer, Buffer]
  const offset = parseBitOffset(position)
  if (offset === null) return BIT_OFFSET_OUT_OF_RANGE
  const bit = parseInteger(wanted)
  if (bit !== 0 && bit !== 1) return NO_BIT
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  const bytes = bytesOf(record)
  const before = bitAt(bytes, offset)
  const at = offset >>> 3
  if (before !== bit || at >= bytes.length) {
    const after = grown(bytes, at + 1)
    if (before !== bit) after[at] = (after[at] as number) ^ (0x80 >>> (offset & 7))
    replaceString(context, key, record, after)
    context.notify('$', 'setbit', key)
  }
  return integerReply(before)
}

/** GETBIT key offset: 0 behind the end. */
export function getbit(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, position] = args as [Buffer, Buffer]
  const offset = parseBitOffset(position)
  if (offset === null) return BIT_OFFSET_OUT_OF_RANGE
  const record = readString(context, key)
  return Buffer.isBuffer(record) ? record : integerReply(bitAt(bytesOf(record), offset))
}

/** BITCOUNT key [start end [BYTE | BIT]]: how many bits are 1. */
export function bitcount(context: CommandContext, args: readonly Buffer[]): Buffer {
  if (args.length === 2) return SYNTAX_ERROR
  const range = parseRange(args, 1, false)
  if (Buffer.isBuffer(range)) return range
  const record = readString(context, args[0] as Buffer)
  if (Buffer.isBuffer(record)) return record
  const bytes = bytesOf(record)
  if (range.end !== null && isReversed(range.start, range.end)) return integerReply(0)
  const { from, to } = bitSpan(range, bytes.length)
  context.scannedBytes += Math.max(to - from, 0) / 8
  return integerReply(countBits(bytes, from, to))
}

/**
 * BITPOS key bit [start [end [BYTE | BIT]]]: the first such bit, or -1. A search for 0 without an end finds the
 * one behind the string, as if zeros followed it.
 */
export function bitpos(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, wanted] = args as [Buffer, Buffer]
  const bit = parseInteger(wanted)
  if (bit === null) return NOT_AN_INTEGER
  if (bit !== 0 && bit !== 1) return NO_SEARCHED_BIT
  const range = parseRange(args, 2, true)
  if (Buffer.isBuffer(range)) return range
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  if (record === null) return integerReply(bit === 0 ? 0 : -1)
  const bytes = record.value
  const { from, to } = bitSpan(range, bytes.length)
  const found = findBit(bytes, bit, from, to)
  context.scannedBytes += Math.max((found < 0 ? to : found) - from, 0) / 8
  const isBehind = found < 0 && bit === 0 && range.end === null && from < to
  return integerReply(isBehind ? to : found)
}

/** The range that stands at `at`; the whole string without one. BITPOS looks at the unit before the end. */
function parseRange(args: readonly Buffer[], at: number, unitFirst: boolean): BitRange | Buffer {
  const [from, to, unit] = args.slice(at)
  if (args.length > at + 3) return SYNTAX_ERROR
  const start = from === undefined ? 0 : parseInteger(from)
  const end = to === undefined ? null : parseInteger(to)
  const word = unit === undefined ? 'BYTE' : optionWord(unit)
  const isUnit = word === 'BYTE' || word === 'BIT'
  if (start === null) return NOT_AN_INTEGER
  if (unitFirst && !isUnit) return SYNTAX_ERROR
  if (end === null && to !== undefined) return NOT_AN_INTEGER
  return isUnit ? { start, end, inBits: word === 'BIT' } : SYNTAX_ERROR
}

/** The range in bits, of a string of `size` bytes. */
function bitSpan({ start, end, inBits }: BitRange, size: number): Span {
  if (inBits) return spanOf(start, end ?? -1, size * 8)
  const { from, to } = spanOf(start, end ?? -1, size)
  return { from: from * 8, to: to * 8 }
}
