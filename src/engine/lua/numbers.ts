/** Numbers and their texts, as C's strtod() and printf() give them to Lua 5.1. */
import { scaleExponent } from './mathematics.ts'

// Each is written so that no text makes it go back and forth: its time grows with the text, no faster.
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(p[+-]?\d+)?$/i
const SPECIAL = /^([+-]?)(inf|infinity|nan)$/i
/** Longer texts are no numbers worth parsing. */
export const NUMBER_TEXT_MAX = 4_096
const SPACES = ' \t\n\v\f\r'

/** The number that a text is, or undefined. */
export function parseNumber(text: string): number | undefined {
  if (text.length > NUMBER_TEXT_MAX) return undefined
  const word = trimmed(text)
  if (DECIMAL.test(word)) return Number(word)
  const hex = HEXADECIMAL.exec(word)
  if (hex !== null && (hex[2] !== '' || (hex[3] ?? '') !== '')) {
    return parseHexadecimal(hex[1] ?? '', hex[2] ?? '', hex[3] ?? '', hex[4] ?? '')
  }
  const special = SPECIAL.exec(word)
  if (special === null) return undefined
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/** Without the spaces around it, as isspace() knows them. */
function trimmed(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && SPACES.includes(text[from] as string)) from++
  while (to > from && SPACES.includes(text[to - 1] as string)) to--
  return text.slice(from, to)
}

function parseHexadecimal(sign: string, whole: string, fraction: string, exponent: string): number {
  let value = 0
  for (const digit of whole + fraction) value = value * 16 + Number.parseInt(digit, 16)
  const scaled = scaleExponent(value, Number(exponent.slice(1) || 0) - 4 * fraction.length)
  return sign === '-' ? -scaled : scaled
}

/** tonumber(text, base): an integer of that base, or undefined. */
export function parseInBase(text: string, base: number): number | undefined {
  const word = trimmed(text.slice(0, NUMBER_TEXT_MAX)).toLowerCase()
  const match = /^([+-]?)(0x(?=[0-9a-f]))?([0-9a-z]+)$/.exec(word)
  if (match === null || (match[2] !== undefined && base !== 16)) return undefined
  let value = 0
  for (const letter of match[3] ?? '') {
    const digit = Number.parseInt(letter, 36)
    if (digit >= base) return undefined
    value = value * base + digit
  }
  // As strtoul() gives it: a negative number is taken modulo 2^64.
  return match[1] === '-' && value !== 0 ? 2 ** 64 - value : value
}

/** tostring() of a number: %.14g. */
export function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e14) return Object.is(value, -0) ? '-0' : String(value)
  return general(value, 14, false)
}

/** What printf() says of numbers that are none; null for all others. */
function specialText(value: number): string | null {
  // x86 gives 0/0 a sign, and Redis shows it.
  if (Number.isNaN(value)) return '-nan'
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  return value === Number.NEGATIVE_INFINITY ? '-inf' : null
}

/** %.<precision>e with C's exponent of two digits. */
export function exponential(value: number, precision: number): string {
  return specialText(value) ?? cExponent(signed(value, rounded(Math.abs(value), precision)))
}

/** %.<precision>f. */
export function fixed(value: number, precision: number): string {
  return specialText(value) ?? signed(value, fixedDigits(Math.abs(value), precision))
}

/** %.<precision>g; `keepZeros` is printf's flag #. */
export function general(value: number, precision: number, keepZeros: boolean): string {
  const special = specialText(value)
  if (special !== null) return special
  const digits = Math.max(precision, 1)
  const text = rounded(Math.abs(value), digits - 1)
  const at = text.indexOf('e')
  const exponent = Number(text.slice(at + 1))
  const strip = (shown: string): string =>
    keepZeros || !shown.includes('.') ? shown : shown.replace(/\.?0+$/, '')
  if (exponent < -4 || exponent >= digits) {
    return signed(value, cExponent(strip(text.slice(0, at)) + text.slice(at)))
  }
  return signed(value, strip(placePoint(text.slice(0, at).replace('.', ''), exponent)))
}

/** The digits of a mantissa with the point where the exponent puts it. */
function placePoint(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1)
  return digits.length === whole.length ? whole : `${whole}.${digits.slice(exponent + 1)}`
}

function signed(value: number, text: string): string {
  return value < 0 || Object.is(value, -0) ? `-${text}` : text
}

function cExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

/** toExponential() rounds exact halves up, C to even: a half shows as a 5 in the next place. */
function rounded(value: number, precision: number): string {
  const places = Math.min(precision, 99)
  const text = value.toExponential(places)
  const next = value.toExponential(places + 1)
  return next[next.indexOf('e') - 1] === '5' ? roundedHalf(value, places, text) : text
}

function roundedHalf(value: number, places: number, text: string): string {
  const exact = value.toExponential(100)
  const at = exact.indexOf('e')
  const mantissa = exact.slice(0, at).replace('.', '')
  const isHalf = /^50*$/.test(mantissa.slice(places + 1))
  const isEven = Number(mantissa[places]) % 2 === 0
  if (!isHalf || !isEven) return text
  const kept = mantissa.slice(0, places + 1)
  return (places === 0 ? kept : `${kept[0]}.${kept.slice(1)}`) + exact.slice(at)
}

/** toFixed() where it is exact as C is, else by integers. */
function fixedDigits(value: number, precision: number): string {
  if (value >= 1e21) return decimalDigits(value, precision)
  const next = value.toFixed(precision + 1)
  return next.endsWith('5') ? decimalDigits(value, precision) : value.toFixed(precision)
}

/** The digits of a number that is not negative, with `precision` of them behind the point: exact, halves to even. */
function decimalDigits(value: number, precision: number): string {
  const { numerator, denominator } = exactFraction(value)
  const product = numerator * 10n ** BigInt(precision)
  let quotient = product / denominator
  const twice = (product % denominator) * 2n
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient++
  const text = quotient.toString().padStart(precision + 1, '0')
  return precision === 0 ? text : `${text.slice(0, -precision)}.${text.slice(-precision)}`
}

function exactFraction(value: number): { numerator: bigint; denominator: bigint } {
  let shift = 0
  let scaled = value
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    shift++
  }
  return { numerator: BigInt(scaled), denominator: 1n << BigInt(shift) }
}
