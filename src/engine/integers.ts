/**
 * Signed 64-bit integers as Redis reads and adds them: numbers while they are safe (up to 2^53 - 1 either
 * way), BigInt beyond. A bigint here is always outside the safe range.
 */

import { toByteString } from '../lib/bytes.ts'

/** A signed 64-bit integer; a bigint only where a number would not be exact. */
export type Integer = number | bigint

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
/** Digits that always fit a safe number. */
const SAFE_DIGITS = 15
const INT64_DIGITS = 19

/**
 * The integer that `text` spells, or null when it is none: no sign but '-', no leading zero, no space, within
 * 64 bits (what a Redis string must look like to count as an integer).
 */
export function parseInteger(text: Buffer): Integer | null {
  const negative = text[0] === MINUS
  const start = negative ? 1 : 0
  const digits = text.length - start
  if (digits < 1 || digits > INT64_DIGITS) return null
  if (text[start] === ZERO) return digits === 1 && !negative ? 0 : null
  let value = 0
  for (let i = start; i < text.length; i++) {
    const byte = text[i] as number
    if (byte < ZERO || byte > NINE) return null
    value = value * 10 + (byte - ZERO)
  }
  if (digits <= SAFE_DIGITS) return negative ? -value : value
  return narrow(BigInt(toByteString(text)))
}

/** The sum, or null when it does not fit 64 bits. */
export function addIntegers(a: Integer, b: Integer): Integer | null {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return narrow(BigInt(a) + BigInt(b))
}

/** -value, or null for -2^63. */
export function negateInteger(value: Integer): Integer | null {
  if (typeof value === 'number') return value === 0 ? 0 : -value
  return narrow(-value)
}

function narrow(value: bigint): Integer | null {
  if (value > INT64_MAX || value < INT64_MIN) return null
  const small = Number(value)
  return Number.isSafeInteger(small) ? small : value
}
