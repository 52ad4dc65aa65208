/** One activation of a function of a program, and what compiled code is: closures over the tree that run on a frame. */
import type { Machine } from './machine.ts'
import type { LuaValue, LuaValues } from './values.ts'

/** A local variable that inner functions share. */
export class Cell {
  value: LuaValue

  constructor(value: LuaValue) {
    this.value = value
  }
}

export interface Frame {
  readonly machine: Machine
  /** Local variables by slot; captured ones are in cells. */
  readonly slots: (LuaValue | Cell)[]
  readonly upvalues: readonly Cell[]
  readonly varargs: LuaValues
  /** What a return statement gave. */
  result: LuaValues
}

/** How a statement ended. */
export const NORMAL = 0
export const BREAK = 1
export const RETURN = 2
export type Signal = typeof NORMAL | typeof BREAK | typeof RETURN

export type Run = (frame: Frame) => Signal
export type Evaluate = (frame: Frame) => LuaValue
export type EvaluateMany = (frame: Frame) => LuaValues
