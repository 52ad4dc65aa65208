/** Arithmetic, comparison and concatenation of Lua 5.1, with their metamethods. */
import type { Arithmetic } from './ast.ts'
import { described, type Machine, typeName } from './machine.ts'
import { power } from './mathematics.ts'
import { NUMBER_TEXT_MAX, parseNumber } from './numbers.ts'
import { LuaTable } from './table.ts'
import { isTruthy, type LuaValue } from './values.ts'

const EVENTS: Readonly<Record<Arithmetic, string>> = {
  '+': '__add',
  '-': '__sub',
  '*': '__mul',
  '/': '__div',
  '%': '__mod',
  '^': '__pow',
}
/** What reading a number counts for besides its digits. */
const PARSE_STEPS = 4
/** A longer string cannot be made, whatever memory is left. */
export const STRING_MAX = 128 * 1024 * 1024

/** The number that a value is or can be read as. */
export function toNumber(machine: Machine, value: LuaValue): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  machine.spend(PARSE_STEPS + Math.min(value.length, NUMBER_TEXT_MAX) / 2)
  return parseNumber(value)
}

/** a % b with the sign of b, computed as Lua 5.1 does: 2.5 % 0.1 is 0 there. */
export function modulo(a: number, b: number): number {
  return a - Math.floor(a / b) * b
}

export function compute(operator: Arithmetic, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return modulo(a, b)
    case '^':
      return power(a, b)
  }
}

/** An operation whose operands are not both numbers; `names` are theirs for the error text. */
export function arithmetic(
  machine: Machine,
  operator: Arithmetic,
  a: LuaValue,
  b: LuaValue,
  names: readonly [string, string],
): LuaValue {
  const left = toNumber(machine, a)
  const right = toNumber(machine, b)
  if (left !== undefined && right !== undefined) return compute(operator, left, right)
  const event = EVENTS[operator]
  const handler = machine.metamethod(a, event) ?? machine.metamethod(b, event)
  if (handler !== undefined) return machine.call(handler, [a, b])[0]
  const [name, culprit] = left === undefined ? [names[0], a] : [names[1], b]
  return machine.raise(`attempt to perform arithmetic on ${described(name, culprit)}`)
}

/** -a */
export function negate(machine: Machine, a: LuaValue, name: string): LuaValue {
  const number = toNumber(machine, a)
  if (number !== undefined) return -number
  const handler = machine.metamethod(a, '__unm')
  if (handler !== undefined) return machine.call(handler, [a, a])[0]
  return machine.raise(`attempt to perform arithmetic on ${described(name, a)}`)
}

/** #a */
export function lengthOf(machine: Machine, a: LuaValue, name: string): LuaValue {
  if (typeof a === 'string') return a.length
  if (a instanceof LuaTable) return a.length
  return machine.raise(`attempt to get length of ${described(name, a)}`)
}

export function isEqual(machine: Machine, a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'string' && typeof b === 'string' && a.length === b.length) machine.compared(a.length)
  if (a === b) return true
  if (!(a instanceof LuaTable) || !(b instanceof LuaTable)) return false
  const handler = sameHandler(machine, a, b, '__eq')
  return handler !== undefined && isTruthy(machine.call(handler, [a, b])[0])
}

/** a < b, or a <= b. */
export function isLess(machine: Machine, a: LuaValue, b: LuaValue, orEqual: boolean): boolean {
  if (typeof a === 'number' && typeof b === 'number') return orEqual ? a <= b : a < b
  // Code units are bytes, so this is the order of memcmp(); Redis runs with the locale C.
  if (typeof a === 'string' && typeof b === 'string') {
    machine.compared(Math.min(a.length, b.length))
    return orEqual ? a <= b : a < b
  }
  if (typeName(a) === typeName(b)) {
    const handler = sameHandler(machine, a, b, orEqual ? '__le' : '__lt')
    if (handler !== undefined) return isTruthy(machine.call(handler, [a, b])[0])
    const reverse = orEqual ? sameHandler(machine, a, b, '__lt') : undefined
    if (reverse !== undefined) return !isTruthy(machine.call(reverse, [b, a])[0])
    return machine.raise(`attempt to compare two ${typeName(a)} values`)
  }
  return machine.raise(`attempt to compare ${typeName(a)} with ${typeName(b)}`)
}

function sameHandler(machine: Machine, a: LuaValue, b: LuaValue, event: string): LuaValue {
  const handler = machine.metamethod(a, event)
  return handler !== undefined && handler === machine.metamethod(b, event) ? handler : undefined
}

/** parts[0] .. parts[1] .. …, from the right, as the language says. */
export function concatenate(
  machine: Machine,
  parts: readonly LuaValue[],
  nameOf: (part: number) => string,
): LuaValue {
  let at = parts.length - 1
  let result = parts[at]
  while (at-- > 0) {
    const left = parts[at]
    const a = textOf(machine, left)
    const b = textOf(machine, result)
    if (a !== undefined && b !== undefined) result = join(machine, a, b)
    else {
      const handler = machine.metamethod(left, '__concat') ?? machine.metamethod(result, '__concat')
      if (handler !== undefined) result = machine.call(handler, [left, result])[0]
      else {
        const [name, culprit] = a === undefined ? [nameOf(at), left] : [nameOf(at + 1), result]
        return machine.raise(`attempt to concatenate ${described(name, culprit)}`)
      }
    }
  }
  return result
}

/** Counts the new string, and makes it. */
export function join(machine: Machine, a: string, b: string): string {
  const length = a.length + b.length
  machine.allocate(length)
  if (length > STRING_MAX) machine.raise('string length overflow')
  return a + b
}

function textOf(machine: Machine, value: LuaValue): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? machine.numberText(value) : undefined
}
