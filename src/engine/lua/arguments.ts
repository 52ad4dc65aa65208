/** How library functions read what they are given: checked and converted as lauxlib does, with its error texts. */
import { type Machine, typeName } from './machine.ts'
import { toNumber } from './operations.ts'
import { LuaTable } from './table.ts'
import { LuaFunction, type LuaValue, type LuaValues, type Native } from './values.ts'

/** The arguments of one call of a library function; positions begin at 1. */
export class Arguments {
  readonly machine: Machine
  readonly name: string
  readonly values: LuaValues

  constructor(machine: Machine, name: string, values: LuaValues) {
    this.machine = machine
    this.name = name
    this.values = values
  }

  get count(): number {
    return this.values.length
  }

  at(position: number): LuaValue {
    return this.values[position - 1]
  }

  /** Any value, but there must be one. */
  any(position: number): LuaValue {
    if (position > this.count) this.bad(position, 'value expected')
    return this.at(position)
  }

  number(position: number): number {
    const value = this.at(position)
    if (typeof value === 'number') return value
    return toNumber(this.machine, value) ?? this.wrongType(position, 'number')
  }

  /** A number cut off at the point. What no 64 bits hold is 0. */
  integer(position: number): number {
    const value = Math.trunc(this.number(position))
    return Number.isFinite(value) ? value + 0 : 0
  }

  optionalInteger(position: number, otherwise: number): number {
    return this.at(position) === undefined ? otherwise : this.integer(position)
  }

  string(position: number): string {
    const value = this.at(position)
    if (typeof value === 'string') return value
    return typeof value === 'number' ? this.machine.numberText(value) : this.wrongType(position, 'string')
  }

  optionalString(position: number, otherwise: string): string {
    return this.at(position) === undefined ? otherwise : this.string(position)
  }

  table(position: number): LuaTable {
    const value = this.at(position)
    return value instanceof LuaTable ? value : this.wrongType(position, 'table')
  }

  function(position: number): LuaFunction {
    const value = this.at(position)
    return value instanceof LuaFunction ? value : this.wrongType(position, 'function')
  }

  bad(position: number, problem: string): never {
    return this.machine.badArgument(position, this.name, problem)
  }

  wrongType(position: number, wanted: string): never {
    const found = position > this.count ? 'no value' : typeName(this.at(position))
    return this.bad(position, `${wanted} expected, got ${found}`)
  }
}

/** What a library function is: reads its arguments, gives one value, several, or none. */
export type LibraryFunction = (args: Arguments, machine: Machine) => LuaValue | LuaValues

/** A function that programs can call. */
export function native(name: string, run: LibraryFunction): LuaFunction {
  const call: Native = (machine, values) => {
    machine.spend(CALL_STEPS)
    const found = run(new Arguments(machine, name, values), machine)
    return Array.isArray(found) ? found : [found]
  }
  return new LuaFunction(name, call)
}

/** What a call of a library function counts for. */
const CALL_STEPS = 6

/** A table of functions that no program can change. */
export function library(
  functions: Readonly<Record<string, LibraryFunction>>,
  others: Readonly<Record<string, LuaValue>> = {},
): LuaTable {
  const table = new LuaTable()
  for (const [name, run] of Object.entries(functions)) table.set(name, native(name, run))
  for (const [name, value] of Object.entries(others)) table.set(name, value)
  table.isReadonly = true
  return table
}
