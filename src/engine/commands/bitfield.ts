/** BITFIELD and BITFIELD_RO: several reads and writes of integers inside one string, in one step. */
import { arrayReply, errorReply, integerReply, NULL_REPLY } from '../../protocol/reply.ts'
import { NOT_AN_INTEGER, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import { type Field, fit, type Overflow, parseFieldType, readField, writeField } from '../bitfield.ts'
import { BIT_OFFSET_OUT_OF_RANGE, parseBitOffset } from '../bits.ts'
import type { CommandContext } from '../context.ts'
import { parseInteger } from '../integers.ts'
import { bytesOf, grown, readString, replaceString, STRING_BYTES_MAX, STRING_TOO_LONG } from '../strings.ts'

const INVALID_TYPE = errorReply(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
)
const INVALID_OVERFLOW = errorReply('ERR Invalid OVERFLOW type specified')
const ONLY_GET = errorReply('ERR BITFIELD_RO only supports the GET subcommand')
const HASH = 0x23
/** Words of each operation, its name included. */
const WORDS: Readonly<Record<string, number>> = { GET: 3, SET: 4, INCRBY: 4, OVERFLOW: 2 }

interface Operation {
  readonly name: 'GET' | 'SET' | 'INCRBY'
  readonly field: Field
  /** What to set or add; 0 for GET. */
  readonly amount: bigint
  readonly overflow: Overflow
}

/**
 * BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset
 * increment …]: one reply each but for OVERFLOW. One that writes makes room first, even when all fail then.
 */
export function bitfield(context: CommandContext, args: readonly Buffer[]): Buffer {
  const operations = parseOperations(args)
  if (Buffer.isBuffer(operations)) return operations
  const key = args[0] as Buffer
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  const before = bytesOf(record)
  const size = sizeWanted(operations)
  if (size === 0) return readAll(before, operations)
  if (size > STRING_BYTES_MAX) return STRING_TOO_LONG
  const after = grown(before, size)
  const replies = operations.map((operation) => run(after, operation))
  if (!after.equals(before)) {
    replaceString(context, key, record, after)
    context.notify('$', 'setbit', key)
  }
  return arrayReply(replies)
}

/** BITFIELD_RO key [GET type offset …]. */
export function bitfieldRo(context: CommandContext, args: readonly Buffer[]): Buffer {
  const operations = parseOperations(args)
  if (Buffer.isBuffer(operations)) return operations
  if (sizeWanted(operations) > 0) return ONLY_GET
  const record = readString(context, args[0] as Buffer)
  return Buffer.isBuffer(record) ? record : readAll(bytesOf(record), operations)
}

function readAll(bytes: Buffer, operations: readonly Operation[]): Buffer {
  return arrayReply(operations.map(({ field }) => integerReply(readField(bytes, field))))
}

/** GET and SET give the value before, INCRBY the one after; null when it may not overflow and would. */
function run(bytes: Buffer, { name, field, amount, overflow }: Operation): Buffer {
  const before = readField(bytes, field)
  if (name === 'GET') return integerReply(before)
  const after = fit(field, name === 'SET' ? amountFor(field, amount) : before + amount, overflow)
  if (after === null) return NULL_REPLY
  writeField(bytes, field, after)
  return integerReply(name === 'SET' ? before : after)
}

/** As Redis, an unsigned field takes a negative number for the largest of 64 bits, not for too small a one. */
function amountFor({ signed }: Field, amount: bigint): bigint {
  return signed ? amount : BigInt.asUintN(64, amount)
}

/** Bytes that the string must have for all writes; 0 when there are none. */
function sizeWanted(operations: readonly Operation[]): number {
  let size = 0
  for (const { name, field } of operations) {
    if (name !== 'GET') size = Math.max(size, (field.offset + field.bits + 7) >>> 3)
  }
  return size
}

function parseOperations(args: readonly Buffer[]): Operation[] | Buffer {
  const operations: Operation[] = []
  let overflow: Overflow = 'WRAP'
  for (let i = 1; i < args.length; ) {
    const name = optionWord(args[i] as Buffer)
    const words = Object.hasOwn(WORDS, name) ? (WORDS[name] as number) : 0
    if (words === 0 || i + words > args.length) return SYNTAX_ERROR
    if (name === 'OVERFLOW') {
      const word = optionWord(args[i + 1] as Buffer)
      if (word !== 'WRAP' && word !== 'SAT' && word !== 'FAIL') return INVALID_OVERFLOW
      overflow = word
    } else {
      const operation = parseOperation(name as Operation['name'], args.slice(i + 1, i + words), overflow)
      if (Buffer.isBuffer(operation)) return operation
      operations.push(operation)
    }
    i += words
  }
  return operations
}

/** `words` are the type, the offset and, but for GET, the amount. */
function parseOperation(
  name: Operation['name'],
  words: readonly Buffer[],
  overflow: Overflow,
): Operation | Buffer {
  const type = parseFieldType(words[0] as Buffer)
  if (type === null) return INVALID_TYPE
  const offset = parseFieldOffset(words[1] as Buffer, type.bits)
  if (offset === null) return BIT_OFFSET_OUT_OF_RANGE
  const amount = words[2] === undefined ? 0 : parseInteger(words[2])
  if (amount === null) return NOT_AN_INTEGER
  return { name, field: { ...type, offset }, amount: BigInt(amount), overflow }
}

/** A bit's offset, or '#n': the n-th field of this width. */
function parseFieldOffset(text: Buffer, bits: number): number | null {
  if (text[0] !== HASH) return parseBitOffset(text)
  const index = parseInteger(text.subarray(1))
  return index === null ? null : parseBitOffset(Buffer.from(String(BigInt(index) * BigInt(bits))))
}
