/**
 * What Lua programs compute with. nil is undefined; a string is a JavaScript string whose code units are its bytes
 * (latin1); a number is a double, as in Lua 5.1. Nothing here depends on a clock, on randomness or on hash seeds.
 */
import type { Machine } from './machine.ts'
import type { LuaTable } from './table.ts'

export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction | LightUserdata

/** What functions take and give. */
export type LuaValues = LuaValue[]

export type Native = (machine: Machine, args: LuaValues) => LuaValues

/** A function, of a program or of a library. */
export class LuaFunction {
  /** For error texts. */
  readonly name: string
  readonly call: Native

  constructor(name: string, call: Native) {
    this.name = name
    this.call = call
  }
}

/** A value that is only itself, like cjson.null. */
export class LightUserdata {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/**
 * What is thrown for an error that a program raised and may catch; `line` is where it came from, 0 when that is not
 * known. No Error: the trace of the interpreter's own stack would cost more than all the rest.
 */
export class LuaError {
  readonly value: LuaValue
  readonly line: number

  constructor(value: LuaValue, line: number) {
    this.value = value
    this.line = line
  }
}

/** A program used up what it was given (steps, memory): it ends, and cannot catch this. */
export class LuaExhausted extends Error {}

export function isTruthy(value: LuaValue): boolean {
  return value !== undefined && value !== false
}
