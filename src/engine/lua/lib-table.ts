/** Lua's table library. */
import { type Arguments, type LibraryFunction, library } from './arguments.ts'
import { type Machine, typeName } from './machine.ts'
import { isLess, STRING_MAX } from './operations.ts'
import { isTruthy, LuaFunction, type LuaValue, type LuaValues } from './values.ts'

function concat(args: Arguments, machine: Machine): string {
  const table = args.table(1)
  const separator = args.optionalString(2, '')
  const from = args.optionalInteger(3, 1)
  const to = args.optionalInteger(4, table.length)
  const parts: string[] = []
  let length = 0
  for (let i = from; i <= to; i++) {
    machine.spend(1)
    const value = table.get(i)
    if (typeof value !== 'string' && typeof value !== 'number') {
      return machine.raise(`invalid value (${typeName(value)}) at index ${i} in table for 'concat'`)
    }
    const part = machine.text(value)
    length += part.length + separator.length
    if (length > STRING_MAX) machine.raise('string length overflow')
    parts.push(part)
  }
  machine.allocate(length)
  return parts.join(separator)
}

function insert(args: Arguments, machine: Machine): LuaValues {
  const table = args.table(1)
  const end = table.length + 1
  if (args.count === 2) machine.rawSet(table, end, args.at(2))
  else if (args.count === 3) {
    const at = args.integer(2)
    const last = Math.max(end, at)
    for (let i = last; i > at; i--) {
      machine.spend(1)
      machine.rawSet(table, i, table.get(i - 1))
    }
    machine.rawSet(table, at, args.at(3))
  } else machine.raise("wrong number of arguments to 'insert'")
  return []
}

function remove(args: Arguments, machine: Machine): LuaValues {
  const table = args.table(1)
  const end = table.length
  const at = args.optionalInteger(2, end)
  if (at < 1 || at > end) return []
  const removed = table.get(at)
  for (let i = at; i < end; i++) {
    machine.spend(1)
    machine.rawSet(table, i, table.get(i + 1))
  }
  machine.rawSet(table, end, undefined)
  return [removed]
}

/** What one comparison counts for, besides a function that is called for it. */
const COMPARE_STEPS = 4

/** A merge sort: stable, and no order function can make it run wild. */
function sort(args: Arguments, machine: Machine): LuaValues {
  const table = args.table(1)
  const order = args.at(2)
  if (order !== undefined && !(order instanceof LuaFunction)) args.wrongType(2, 'function')
  const isBefore =
    order === undefined
      ? (a: LuaValue, b: LuaValue): boolean => isLess(machine, a, b, false)
      : (a: LuaValue, b: LuaValue): boolean => isTruthy(machine.call(order, [a, b])[0])
  const values = Array.from({ length: table.length }, (_, i) => table.get(i + 1))
  machine.allocate(values.length * 16)
  const sorted = machine.inLibrary(() =>
    mergeSort(values, (a, b) => {
      machine.spend(COMPARE_STEPS)
      return isBefore(a, b)
    }),
  )
  for (const [i, value] of sorted.entries()) machine.rawSet(table, i + 1, value)
  return []
}

function mergeSort(values: LuaValue[], isBefore: (a: LuaValue, b: LuaValue) => boolean): LuaValue[] {
  let from = values
  for (let width = 1; width < from.length; width *= 2) {
    const to: LuaValue[] = []
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length)
      const end = Math.min(start + 2 * width, from.length)
      let [a, b] = [start, middle]
      while (a < middle && b < end) to.push(isBefore(from[b], from[a]) ? from[b++] : from[a++])
      while (a < middle) to.push(from[a++])
      while (b < end) to.push(from[b++])
    }
    from = to
  }
  return from
}

function foreach(args: Arguments, machine: Machine): LuaValues {
  const table = args.table(1)
  const run = args.function(2)
  let key: LuaValue
  for (let field = machine.next(table, undefined); field; field = machine.next(table, key)) {
    key = field[0]
    const found = machine.call(run, field)
    if (found[0] !== undefined) return found.slice(0, 1)
  }
  return []
}

const functions: Readonly<Record<string, LibraryFunction>> = {
  concat,
  foreach,
  foreachi: (args, machine) => {
    const table = args.table(1)
    const run = args.function(2)
    for (let i = 1; i <= table.length; i++) {
      const found = machine.call(run, [i, table.get(i)])
      if (found[0] !== undefined) return found.slice(0, 1)
    }
    return []
  },
  getn: (args) => args.table(1).length,
  insert,
  maxn: (args, machine) => {
    const table = args.table(1)
    let most = 0
    let key: LuaValue
    for (let field = machine.next(table, undefined); field; field = machine.next(table, key)) {
      machine.spend(1)
      key = field[0]
      if (typeof key === 'number' && key > most) most = key
    }
    return most
  },
  remove,
  setn: (args, machine) => {
    args.table(1)
    return machine.raise("'setn' is obsolete")
  },
  sort,
}

export const tableLibrary = library(functions)
