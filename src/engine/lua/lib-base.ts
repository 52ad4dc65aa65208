/** The functions that Lua has outside of any library. */
import { type Arguments, type LibraryFunction, native } from './arguments.ts'
import { compileProgram } from './compile-statement.ts'
import { SyntaxFailure } from './lexer.ts'
import { type Machine, READONLY, typeName } from './machine.ts'
import { NUMBER_TEXT_MAX, parseInBase } from './numbers.ts'
import { isEqual, toNumber } from './operations.ts'
import { LuaTable } from './table.ts'
import { isTruthy, type LuaError, type LuaValue, type LuaValues } from './values.ts'

/** What unpack() gives at most, as Redis' stack allows about. */
const UNPACK_MAX = 8_000
/** A program that is compiled while another runs counts for these steps, and for each of its bytes. */
const COMPILE_STEPS = 500
const COMPILE_BYTE_STEPS = 40
/** A longer name of a program is cut. */
const CHUNK_NAME_MAX = 40

const next = native('next', (args, machine) => {
  const table = args.table(1)
  const found = machine.next(table, args.at(2))
  if (found === undefined) return machine.raiseInLibrary("invalid key to 'next'")
  return found ?? undefined
})

const iterate = native('ipairs_iterator', (args) => {
  const index = args.number(2) + 1
  const value = args.table(1).get(index)
  return value === undefined ? undefined : [index, value]
})

/** error() with a level puts the place of that level in front of a text. */
function raiseError(args: Arguments, machine: Machine): never {
  const value = args.at(1)
  const level = args.optionalInteger(2, 1)
  const text = typeof value === 'string' || typeof value === 'number' ? machine.text(value) : null
  if (text === null || level <= 0) throw machine.errorOf(value)
  machine.allocate(text.length)
  throw machine.errorOf(machine.where(level) + text)
}

/** As Redis has it: an error that is a table with `err` is given as that text. */
function protectedCall(args: Arguments, machine: Machine): LuaValues {
  const callee = args.any(1)
  return machine.protect<LuaValues>(
    () => [true, ...machine.call(callee, args.values.slice(1))],
    ({ value }) => {
      const text = value instanceof LuaTable ? value.get('err') : undefined
      return [false, typeof text === 'string' ? text : value]
    },
  )
}

function handledCall(args: Arguments, machine: Machine): LuaValues {
  const callee = args.any(1)
  const handler = args.at(2)
  const failed = ({ value }: LuaError): LuaValues => [false, ...machine.call(handler, [value])]
  return machine.protect<LuaValues>(() => [true, ...machine.call(callee, [])], failed)
}

function load(machine: Machine, source: string, chunk: string): LuaValues {
  machine.spend(COMPILE_STEPS + source.length * COMPILE_BYTE_STEPS)
  try {
    return [compileProgram(source, chunk)]
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error
    return [undefined, error.message]
  }
}

/** As luaO_chunkid() shows it. */
function chunkName(args: Arguments, position: number, source: string): string {
  const name = args.optionalString(position, source)
  if (/^[=@]/.test(name)) return name.slice(1)
  const [line = ''] = name.slice(0, CHUNK_NAME_MAX + 1).split('\n')
  return line.length < name.length || line.length > CHUNK_NAME_MAX
    ? `[string "${line.slice(0, 37)}..."]`
    : `[string "${line}"]`
}

const functions: Readonly<Record<string, LibraryFunction>> = {
  assert: (args, machine) => {
    if (isTruthy(args.any(1))) return args.values
    return machine.raise(args.optionalString(2, 'assertion failed!'))
  },
  collectgarbage: () => 0,
  gcinfo: () => [0, 0],
  error: raiseError,
  getmetatable: (args, machine) => {
    const metatable = machine.metatableOf(args.any(1))
    return metatable?.get('__metatable') ?? metatable ?? undefined
  },
  ipairs: (args) => [iterate, args.table(1), 0],
  load: (args, machine) => {
    const reader = args.function(1)
    let source = ''
    for (;;) {
      const [part] = machine.call(reader, [])
      if (part === undefined || part === '') break
      if (typeof part !== 'string') return [undefined, 'reader function must return a string']
      machine.allocate(part.length)
      source += part
    }
    return load(machine, source, chunkName(args, 2, '=(load)'))
  },
  loadstring: (args, machine) => {
    const source = args.string(1)
    return load(machine, source, chunkName(args, 2, source))
  },
  pairs: (args) => [next, args.table(1), undefined],
  pcall: protectedCall,
  rawequal: (args, machine) => {
    const [a, b] = [args.any(1), args.any(2)]
    return typeof a === 'string' ? isEqual(machine, a, b) : a === b
  },
  rawget: (args, machine) => {
    const table = args.table(1)
    const key = args.any(2)
    if (typeof key === 'string') machine.compared(key.length)
    return table.get(key)
  },
  rawset: (args, machine) => {
    const table = args.table(1)
    machine.inLibrary(() => machine.rawSet(table, args.any(2), args.any(3)))
    return table
  },
  select: (args) => {
    if (args.at(1) === '#') return args.count - 1
    const index = args.integer(1)
    if (index < 0 && -index <= args.count - 1) return args.values.slice(index)
    if (index < 1) args.bad(1, 'index out of range')
    return args.values.slice(index)
  },
  setmetatable: (args, machine) => {
    const table = args.table(1)
    const metatable = args.at(2)
    if (!(metatable instanceof LuaTable) && (metatable !== undefined || args.count < 2)) {
      return args.bad(2, 'nil or table expected')
    }
    if (table.metatable?.get('__metatable') !== undefined)
      machine.raise('cannot change a protected metatable')
    if (table.isReadonly) machine.raiseInLibrary(READONLY)
    table.metatable = metatable ?? null
    return table
  },
  tonumber: (args, machine) => {
    const base = args.optionalInteger(2, 10)
    if (base === 10) return toNumber(machine, args.any(1))
    if (base < 2 || base > 36) args.bad(2, 'base out of range')
    const text = args.string(1)
    machine.spend(Math.min(text.length, NUMBER_TEXT_MAX) / 2)
    return parseInBase(text, base)
  },
  tostring: (args, machine) => machine.text(args.any(1)),
  type: (args) => typeName(args.any(1)),
  unpack: (args, machine) => {
    const table = args.table(1)
    const from = args.optionalInteger(2, 1)
    const to = args.optionalInteger(3, table.length)
    if (from > to) return []
    if (to - from + 1 >= UNPACK_MAX) machine.raise('too many results to unpack')
    machine.allocate((to - from + 1) * 8)
    return Array.from({ length: to - from + 1 }, (_, i) => table.get(from + i))
  },
  xpcall: handledCall,
}

/** Made once: they hold nothing of a run. */
const builtins: readonly (readonly [string, LuaValue])[] = [
  ...Object.entries(functions).map(([name, run]) => [name, native(name, run)] as const),
  ['next', next],
  ['_VERSION', 'Lua 5.1'],
]

/** Puts the functions among the globals of a run. */
export function openBase(globals: LuaTable): void {
  for (const [name, value] of builtins) globals.set(name, value)
  globals.set('_G', globals)
}
