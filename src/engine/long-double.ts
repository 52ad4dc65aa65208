/**
 * Decimal numbers as Redis' INCRBYFLOAT computes them: read, added and printed as x87 extended precision (64
 * bits of mantissa, round to nearest, ties to even), so that every replica on every processor gives the bytes
 * that Redis gives on x86-64. Exact integers stand in for the processor.
 */
import { toByteString } from '../lib/bytes.ts'

/** mantissa * 2 ** exponent; 0 has mantissa 0n, others have 64 bits of it. */
export interface LongDouble {
  readonly mantissa: bigint
  readonly exponent: number
}

/** Stands for both infinities: no command may keep one. */
export const INFINITE = 'infinite'
export type Infinite = typeof INFINITE

export const ZERO: LongDouble = { mantissa: 0n, exponent: 0 }

const MANTISSA_BITS = 64
/** Numbers of 2 ** this and above are infinite; those below 2 ** MIN_EXPONENT become 0. */
const MAX_EXPONENT = 16_384
const MIN_EXPONENT = -16_446
/** Decimal digits in front of the point of the largest number, and a little more. */
const DECIMAL_EXPONENT_MAX = 5_000
/** Redis' buffer: longer texts are no numbers. */
const TEXT_BYTES_MAX = 5 * 1024 - 1
const FRACTION_DIGITS = 17

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
const HEXADECIMAL = /^([+-]?)0[xX]([\da-fA-F]*)(?:\.([\da-fA-F]*))?(?:[pP]([+-]?\d+))?$/
const INFINITY = /^[+-]?inf(?:inity)?$/i

/** The number that `text` spells, or null when it is none, too large, or too small to differ from 0. */
export function parseLongDouble(text: Buffer): LongDouble | Infinite | null {
  if (text.length === 0 || text.length > TEXT_BYTES_MAX) return null
  const spelled = toByteString(text)
  if (INFINITY.test(spelled)) return INFINITE
  const hexadecimal = HEXADECIMAL.exec(spelled)
  if (hexadecimal !== null) return fromDigits(hexadecimal, 16)
  const decimal = DECIMAL.exec(spelled)
  return decimal === null ? null : fromDigits(decimal, 10)
}

/** The sum, rounded once. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | Infinite {
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent))
  return rounded(sum, 1n, exponent)
}

/** With 17 digits behind the point, less the zeros at their end: how Redis shows numbers to people. */
export function formatLongDouble({ mantissa, exponent }: LongDouble): string {
  const scaled = mantissa * 10n ** BigInt(FRACTION_DIGITS)
  const value = exponent >= 0 ? scaled << BigInt(exponent) : divideToEven(scaled, 1n << BigInt(-exponent))
  const digits = String(value < 0n ? -value : value).padStart(FRACTION_DIGITS + 1, '0')
  const whole = digits.slice(0, -FRACTION_DIGITS)
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '')
  const sign = mantissa < 0n ? '-' : ''
  if (fraction === '') return whole === '0' ? '0' : sign + whole
  return `${sign}${whole}.${fraction}`
}

/** From the groups of a match: sign, digits before and behind the point, exponent. */
function fromDigits(
  [, sign, whole = '', fraction = '', power = '0']: RegExpExecArray,
  base: 10 | 16,
): LongDouble | null {
  const digits = whole + fraction
  if (digits === '') return null
  const magnitude = BigInt(base === 16 ? `0x${digits}` : digits)
  if (magnitude === 0n) return ZERO
  const signed = sign === '-' ? -magnitude : magnitude
  const result =
    base === 16
      ? fromBinary(signed, Number(power) - 4 * fraction.length)
      : fromDecimal(signed, Number(power) - fraction.length)
  return result === INFINITE || isLost(result) ? null : result
}

function fromBinary(value: bigint, exponent: number): LongDouble | Infinite {
  return rounded(value, 1n, exponent)
}

/** value * 10 ** exponent. Exponents beyond all digits are not computed. */
function fromDecimal(value: bigint, exponent: number): LongDouble | Infinite {
  const places = String(value).length + exponent
  if (places > DECIMAL_EXPONENT_MAX) return INFINITE
  if (places < -DECIMAL_EXPONENT_MAX) return ZERO
  if (exponent >= 0) return rounded(value * 10n ** BigInt(exponent), 1n, 0)
  return rounded(value, 10n ** BigInt(-exponent), 0)
}

/** What is not 0 but so small that it became 0. */
function isLost({ mantissa, exponent }: LongDouble): boolean {
  return mantissa === 0n || exponent + MANTISSA_BITS <= MIN_EXPONENT
}

/** numerator / denominator * 2 ** exponent with 64 bits of mantissa. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble | Infinite {
  if (numerator === 0n) return ZERO
  const shift = MANTISSA_BITS - bitLength(numerator) + bitLength(denominator)
  for (let by = shift; ; by--) {
    const mantissa =
      by >= 0
        ? divideToEven(numerator << BigInt(by), denominator)
        : divideToEven(numerator, denominator << BigInt(-by))
    if (bitLength(mantissa) > MANTISSA_BITS) continue
    return exponent - by + MANTISSA_BITS > MAX_EXPONENT ? INFINITE : { mantissa, exponent: exponent - by }
  }
}

/** The quotient, rounded to the nearest integer, ties to even. */
function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n
  const size = negative ? -numerator : numerator
  const quotient = size / denominator
  const twice = (size % denominator) * 2n
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n)
  const result = up ? quotient + 1n : quotient
  return negative ? -result : result
}

function bitLength(value: bigint): number {
  const hex = (value < 0n ? -value : value).toString(16)
  return hex.length * 4 - Math.clz32(Number.parseInt(hex.charAt(0), 16)) + 28
}
