/**
 * Integers of any width inside a string of bits: read, written, and kept within their width by the rule that
 * the client chose. Values are BigInt, because widths go up to 64 bits.
 */
import { parseInteger } from './integers.ts'

/** An integer's place: `bits` wide (1-64, unsigned up to 63), highest bit first, at bit `offset`. */
export interface Field {
  readonly signed: boolean
  readonly bits: number
  readonly offset: number
}

/** What happens to a value that does not fit: lower bits only, the nearest that fits, or nothing at all. */
export type Overflow = 'WRAP' | 'SAT' | 'FAIL'

const SIGNED_BITS_MAX = 64
const UNSIGNED_BITS_MAX = 63
const LOWER_I = 0x69
const LOWER_U = 0x75
const BYTE = 0xffn

/** 'i8' or 'u63' and their like; null when it is none. As Redis, it ends at its first zero byte. */
export function parseFieldType(text: Buffer): Omit<Field, 'offset'> | null {
  const signed = text[0] === LOWER_I
  if (!signed && text[0] !== LOWER_U) return null
  const end = text.indexOf(0)
  const bits = parseInteger(text.subarray(1, end < 0 ? text.length : end))
  const most = signed ? SIGNED_BITS_MAX : UNSIGNED_BITS_MAX
  return bits === null || bits < 1 || bits > most ? null : { signed, bits: Number(bits) }
}

/** The integer at `field`; bits behind the end are 0. */
export function readField(bytes: Buffer, field: Field): bigint {
  const { from, to, shift } = bytesUnder(field)
  const value = readSpan(bytes, from, to) >> shift
  return field.signed ? BigInt.asIntN(field.bits, value) : BigInt.asUintN(field.bits, value)
}

/** Writes a value that fits; the field must lie inside `bytes`. */
export function writeField(bytes: Buffer, field: Field, value: bigint): void {
  const { from, to, shift } = bytesUnder(field)
  const mask = ((1n << BigInt(field.bits)) - 1n) << shift
  let rest = (readSpan(bytes, from, to) & ~mask) | (BigInt.asUintN(field.bits, value) << shift)
  for (let i = to - 1; i >= from; i--) {
    bytes[i] = Number(rest & BYTE)
    rest >>= 8n
  }
}

/** `value` as the field can hold it; null when it does not fit and must not be changed. */
export function fit({ signed, bits }: Field, value: bigint, overflow: Overflow): bigint | null {
  const width = BigInt(bits)
  const max = signed ? (1n << (width - 1n)) - 1n : (1n << width) - 1n
  const min = signed ? -max - 1n : 0n
  if (value >= min && value <= max) return value
  if (overflow === 'FAIL') return null
  if (overflow === 'SAT') return value < min ? min : max
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)
}

/** The bytes that a field touches, and how many bits follow it in the last one. */
function bytesUnder({ offset, bits }: Field): { from: number; to: number; shift: bigint } {
  const to = (offset + bits + 7) >>> 3
  return { from: offset >>> 3, to, shift: BigInt(to * 8 - offset - bits) }
}

function readSpan(bytes: Buffer, from: number, to: number): bigint {
  let value = 0n
  for (let i = from; i < to; i++) value = (value << 8n) | BigInt(bytes[i] ?? 0)
  return value
}
