/** Lua's string library; strings are bytes, positions begin at 1. */
import { type Arguments, type LibraryFunction, library, native } from './arguments.ts'
import { formatText } from './format.ts'
import { type Machine, typeName } from './machine.ts'
import { STRING_MAX } from './operations.ts'
import { Matcher } from './patterns.ts'
import { LuaTable } from './table.ts'
import { LuaFunction, type LuaValue, type LuaValues } from './values.ts'

/** Arguments of string.char() and results of string.byte(), at most. */
const BYTES_MAX = 8_000
const LETTERS = 26
/** What a letter and its capital differ by. */
const CASE_BIT = 0x20
const SPECIALS = /[\^$*+?.([%-]/

function at(position: number, length: number): number {
  return position >= 0 ? position : Math.max(position + length + 1, 0)
}

/** string.find() and string.match(). */
function search(args: Arguments, machine: Machine, isFind: boolean): LuaValue | LuaValues {
  const text = args.string(1)
  const pattern = args.string(2)
  let from = at(args.optionalInteger(3, 1), text.length) - 1
  if (from < 0) from = 0
  if (from > text.length) from = text.length
  const isPlain = args.at(4) !== undefined && args.at(4) !== false
  if (isFind && (isPlain || !SPECIALS.test(pattern))) {
    machine.work(text.length - from + pattern.length)
    const found = text.indexOf(pattern, from)
    return found < 0 ? undefined : [found + 1, found + pattern.length]
  }
  const matcher = new Matcher(machine, text, pattern)
  do {
    const end = matcher.matchAt(from)
    if (end < 0) continue
    const captures = matcher.captures(from, end, !isFind)
    return isFind ? [from + 1, end, ...captures] : captures
  } while (++from <= text.length && !matcher.isAnchored)
  return undefined
}

function gmatch(args: Arguments): LuaValue {
  const text = args.string(1)
  const pattern = args.string(2)
  let from = 0
  return native('gmatch_iterator', (_args, machine) => {
    const matcher = new Matcher(machine, text, pattern, false)
    for (; from <= text.length; from++) {
      const end = matcher.matchAt(from)
      if (end < 0) continue
      const start = from
      from = end === start ? end + 1 : end
      return matcher.captures(start, end, true)
    }
    return undefined
  })
}

/** Gives what takes the place of the match from `start` to `end`; undefined leaves it. */
type Replace = (matcher: Matcher, start: number, end: number) => LuaValue

function replacer(args: Arguments, machine: Machine): Replace {
  const by = args.at(3)
  if (typeof by === 'string' || typeof by === 'number') {
    const template = args.string(3)
    return (matcher, start, end) => expand(machine, template, matcher, start, end)
  }
  if (by instanceof LuaTable)
    return (matcher, start, end) => machine.index(by, matcher.capture(0, start, end))
  if (by instanceof LuaFunction) {
    return (matcher, start, end) => machine.call(by, matcher.captures(start, end, true))[0]
  }
  return args.bad(3, 'string/function/table expected')
}

function expand(machine: Machine, template: string, matcher: Matcher, start: number, end: number): string {
  if (!template.includes('%')) return template
  machine.spend(template.length)
  const parts: string[] = []
  for (let i = 0; i < template.length; i++) {
    const char = template[i] as string
    const next = template[i + 1]
    if (char !== '%') parts.push(char)
    else {
      i++
      if (next === undefined || next < '0' || next > '9') parts.push(next ?? '')
      else {
        const value = next === '0' ? matcher.whole(start, end) : matcher.capture(Number(next) - 1, start, end)
        parts.push(machine.text(value))
      }
    }
  }
  const text = parts.join('')
  machine.allocate(text.length)
  return text
}

function gsub(args: Arguments, machine: Machine): LuaValues {
  const text = args.string(1)
  const pattern = args.string(2)
  const replace = replacer(args, machine)
  const most = args.optionalInteger(4, text.length + 1)
  const matcher = new Matcher(machine, text, pattern)
  const parts: string[] = []
  let length = 0
  const add = (part: string): void => {
    length += part.length
    if (length > STRING_MAX) machine.raise('string length overflow')
    parts.push(part)
  }
  let from = 0
  let count = 0
  while (count < most) {
    machine.spend(8)
    const end = matcher.matchAt(from)
    if (end >= 0) {
      count++
      add(replacement(machine, replace(matcher, from, end), text.slice(from, end)))
    }
    if (end > from) from = end
    else if (from < text.length) add(text[from++] as string)
    else break
    if (matcher.isAnchored) break
  }
  add(text.slice(from))
  machine.allocate(length)
  return [parts.join(''), count]
}

function replacement(machine: Machine, value: LuaValue, otherwise: string): string {
  if (value === undefined || value === false) return otherwise
  if (typeof value === 'string' || typeof value === 'number') return machine.text(value)
  return machine.raise(`invalid replacement value (a ${typeName(value)})`)
}

function repeat(args: Arguments, machine: Machine): string {
  const text = args.string(1)
  const count = args.integer(2)
  if (count <= 0 || text === '') return ''
  if (text.length * count > STRING_MAX) machine.raise('resulting string too large')
  machine.allocate(text.length * count)
  return text.repeat(count)
}

/** Letters from `first` on, 26 of them, with the other case. */
function swapCase(args: Arguments, machine: Machine, first: string): string {
  const text = args.string(1)
  machine.allocate(text.length)
  const bytes = Buffer.from(text, 'latin1')
  const from = first.charCodeAt(0)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (byte >= from && byte < from + LETTERS) bytes[i] = byte ^ CASE_BIT
  }
  return bytes.toString('latin1')
}

function made(machine: Machine, text: string): string {
  machine.allocate(text.length)
  return text
}

const functions: Readonly<Record<string, LibraryFunction>> = {
  byte: (args, machine) => {
    const text = args.string(1)
    const from = Math.max(at(args.optionalInteger(2, 1), text.length), 1)
    const to = Math.min(at(args.optionalInteger(3, from), text.length), text.length)
    if (from > to) return []
    if (to - from >= BYTES_MAX) machine.raise('string slice too long')
    machine.spend((to - from) / 2)
    return Array.from({ length: to - from + 1 }, (_, i) => text.charCodeAt(from - 1 + i))
  },
  char: (args, machine) => {
    machine.spend(args.count)
    const codes = args.values.map((_, i) => {
      const code = args.integer(i + 1)
      return code >= 0 && code <= 255 ? code : args.bad(i + 1, 'invalid value')
    })
    return made(machine, codes.map((code) => String.fromCharCode(code)).join(''))
  },
  dump: (args, machine) => {
    args.function(1)
    return machine.raise('unable to dump given function')
  },
  find: (args, machine) => search(args, machine, true),
  format: formatText,
  gfind: gmatch,
  gmatch,
  gsub,
  len: (args) => args.string(1).length,
  lower: (args, machine) => swapCase(args, machine, 'A'),
  match: (args, machine) => search(args, machine, false),
  rep: repeat,
  reverse: (args, machine) =>
    made(machine, Buffer.from(args.string(1), 'latin1').reverse().toString('latin1')),
  sub: (args, machine) => {
    const text = args.string(1)
    const from = Math.max(at(args.integer(2), text.length), 1)
    const to = Math.min(at(args.optionalInteger(3, -1), text.length), text.length)
    return from > to ? '' : made(machine, text.slice(from - 1, to))
  },
  upper: (args, machine) => swapCase(args, machine, 'a'),
}

export const stringLibrary = library(functions)

/** What makes ('x'):rep(3) work. */
export const stringMetatable = new LuaTable()
stringMetatable.set('__index', stringLibrary)
stringMetatable.isReadonly = true
