/** string.format(): C's conversions as far as Lua 5.1 lets them through. */
import type { Arguments } from './arguments.ts'
import { escapeEach } from './escape.ts'
import type { Machine } from './machine.ts'
import { exponential, fixed, general } from './numbers.ts'
import { STRING_MAX } from './operations.ts'

const CONVERSION = /%([-+ #0]*)(\d*)(?:\.(\d*))?(.?)/sy
/** A decimal number counts for these steps, and for each place as many again. */
const REAL_STEPS = 8
/** What one conversion counts for besides its text, and one character that %q must mark. */
const CONVERSION_STEPS = 15
const MARK_STEPS = 4
const QUOTE_SPECIALS = /["\\\n\r\0]/g
const FLAGS_MAX = 5
const TWO_64 = 2n ** 64n

interface Conversion {
  readonly flags: string
  readonly width: number
  /** -1 = not given. */
  readonly precision: number
}

export function formatText(args: Arguments, machine: Machine): string {
  const template = args.string(1)
  const parts: string[] = []
  let position = 1
  let length = 0
  let at = 0
  while (at < template.length) {
    const next = template.indexOf('%', at)
    const plain = template.slice(at, next < 0 ? undefined : next)
    parts.push(plain)
    length += plain.length
    if (next < 0) break
    machine.spend(CONVERSION_STEPS)
    if (template[next + 1] === '%') {
      parts.push('%')
      at = next + 2
      continue
    }
    CONVERSION.lastIndex = next
    const [whole = '%', flags = '', width = '', precision, letter = ''] = CONVERSION.exec(template) ?? []
    if (flags.length > FLAGS_MAX) machine.raise('invalid format (repeated flags)')
    if (width.length > 2 || (precision ?? '').length > 2)
      machine.raise('invalid format (width or precision too long)')
    const shown = convert(args, machine, ++position, letter, {
      flags,
      width: Number(width),
      precision: precision === undefined ? -1 : Number(precision),
    })
    parts.push(shown)
    length += shown.length
    if (length > STRING_MAX) machine.raise('string length overflow')
    at = next + whole.length
  }
  const text = parts.join('')
  machine.allocate(text.length)
  return text
}

function convert(
  args: Arguments,
  machine: Machine,
  position: number,
  letter: string,
  how: Conversion,
): string {
  if (position > args.count && /^[cdiouxXeEfgGqs]$/.test(letter)) args.bad(position, 'no value')
  switch (letter) {
    case 'c':
      return padded(String.fromCharCode(args.integer(position) & 255), how)
    case 'd':
    case 'i':
      return integer(args.number(position), how)
    case 'o':
    case 'u':
    case 'x':
    case 'X':
      return unsigned(args.number(position), letter, how)
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
      return real(machine, args.number(position), letter, how)
    case 'q':
      return quoted(machine, args.string(position))
    case 's': {
      const text = args.string(position)
      return padded(how.precision < 0 ? text : text.slice(0, how.precision), how)
    }
    default:
      return machine.raise(`invalid option '%${letter}' to 'format'`)
  }
}

/** A double as a C program casts it to a 64-bit integer: what does not fit is the smallest one. */
export function toInt64(value: number): bigint {
  if (!(Math.abs(value) < 2 ** 63)) return -(2n ** 63n)
  return BigInt(Math.trunc(value))
}

function integer(value: number, how: Conversion): string {
  const whole = toInt64(value)
  const digits = withPrecision((whole < 0n ? -whole : whole).toString(), how.precision)
  return number(signOf(whole < 0n, how.flags), digits, how, how.precision >= 0)
}

function unsigned(value: number, letter: string, how: Conversion): string {
  const whole = toInt64(value)
  const bits = whole < 0n ? whole + TWO_64 : whole
  const base = letter === 'o' ? 8 : letter === 'u' ? 10 : 16
  let digits = withPrecision(bits.toString(base), how.precision)
  const isMarked = how.flags.includes('#') && bits !== 0n
  if (isMarked && letter === 'o' && !digits.startsWith('0')) digits = `0${digits}`
  const text = number(isMarked && base === 16 ? '0x' : '', digits, how, how.precision >= 0)
  return letter === 'X' ? text.toUpperCase() : text
}

function real(machine: Machine, value: number, letter: string, how: Conversion): string {
  const precision = how.precision < 0 ? 6 : how.precision
  machine.spend(REAL_STEPS * (1 + precision))
  const keepZeros = how.flags.includes('#')
  const size = Math.abs(value)
  const kind = letter.toLowerCase()
  const text =
    kind === 'e'
      ? exponential(size, precision)
      : kind === 'f'
        ? fixed(size, precision)
        : general(size, precision, keepZeros)
  const isNegative = value < 0 || Object.is(value, -0) || Number.isNaN(value)
  const plain = text.replace(/^-/, '')
  const shown = number(signOf(isNegative, how.flags), plain, how, !Number.isFinite(value))
  return letter === kind ? shown : shown.toUpperCase()
}

function signOf(isNegative: boolean, flags: string): string {
  if (isNegative) return '-'
  if (flags.includes('+')) return '+'
  return flags.includes(' ') ? ' ' : ''
}

function withPrecision(digits: string, precision: number): string {
  if (precision === 0 && digits === '0') return ''
  return digits.padStart(precision, '0')
}

function number(sign: string, digits: string, how: Conversion, ignoresZero: boolean): string {
  const isZeroPadded = how.flags.includes('0') && !how.flags.includes('-') && !ignoresZero
  const body = isZeroPadded ? digits.padStart(how.width - sign.length, '0') : digits
  return padded(sign + body, how)
}

function padded(text: string, { flags, width }: Conversion): string {
  return flags.includes('-') ? text.padEnd(width) : text.padStart(width)
}

function quoted(machine: Machine, text: string): string {
  machine.work(text.length)
  const escaped = escapeEach(text, QUOTE_SPECIALS, (char) => {
    machine.spend(MARK_STEPS)
    if (char === '\r') return '\\r'
    return char === '\0' ? '\\000' : `\\${char}`
  })
  return `"${escaped}"`
}
