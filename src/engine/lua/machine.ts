/**
 * One run of a Lua program: what it may still use (steps, memory, depth), its globals, and the operations of the
 * language that look at metatables. All limits are counted, never measured: a program ends at the same place on every
 * node.
 */
import { numberText } from './numbers.ts'
import { ScriptRandom } from './random.ts'
import { LuaTable } from './table.ts'
import {
  LightUserdata,
  LuaError,
  LuaExhausted,
  LuaFunction,
  type LuaValue,
  type LuaValues,
} from './values.ts'

/** What a run may use. */
export interface Budget {
  /** About one per node of the program's tree that is evaluated, and more for library work by its size. */
  readonly steps: number
  /** Bytes of strings and tables made, all together: what became garbage counts too. */
  readonly bytes: number
}

/**
 * Levels of the JavaScript stack that a run may take, as counted by weights: a call counts the depth of the called
 * function's tree. A small part of what Node gives, so that no node meets the end of its real stack first.
 */
const DEPTH_MAX = 4_000
/** What a call counts for besides the depth of its function. */
export const CALL_WEIGHT = 8
/** A metatable chain of __index is followed this far, as in Lua. */
const INDEX_CHAIN_MAX = 100
/** As Redis says it. */
export const READONLY = 'Attempt to modify a readonly table'
/** What a string or table counts for besides its contents. */
const OBJECT_BYTES = 32
const FIELD_BYTES = 32
/** What these count for: a new string or table, a new item or field of a table, an error, the text of a number. */
const ALLOCATION_STEPS = 2
const ITEM_STEPS = 5
const FIELD_STEPS = 40
const ERROR_STEPS = 40
const INTEGER_STEPS = 2
const REAL_STEPS = 30
/** Library work: bytes that count for a step. */
const BYTES_PER_STEP = 32
/** Strings up to this length are compared, and found as keys, for nothing. */
export const SHORT_STRING = 64
/** One table further in a chain of __index. */
const CHAIN_STEPS = 4
/** Values that are handed on together count for a step; few are part of the call. */
const VALUES_PER_STEP = 4
const FEW_VALUES = 8
/** What takes this many digits has its text at once. */
const INTEGER_TEXT_MAX = 1e14
/** Places without a value that count for a step. */
const PASSED_PER_STEP = 4

export class Machine {
  readonly globals = new LuaTable()
  /** Metatable of all strings. */
  stringMetatable: LuaTable | null = null
  /** The name of the program in error texts. */
  readonly chunk: string
  readonly random = new ScriptRandom()
  steps: number
  #bytes: number
  #depth = 0
  /** Calls under way: of each the line that it is at; 0 = a library function. */
  level = 0
  readonly lines: number[] = [0]
  readonly #budget: Budget

  constructor(chunk: string, budget: Budget) {
    this.chunk = chunk
    this.#budget = budget
    this.steps = budget.steps
    this.#bytes = budget.bytes
  }

  // --- The budget ---

  /** Counts `steps`; throws LuaExhausted when there are no more. */
  spend(steps: number): void {
    this.steps -= steps
    if (this.steps < 0) this.outOfSteps()
  }

  outOfSteps(): never {
    throw new LuaExhausted(`the script ran for more than ${Math.floor(this.#budget.steps)} steps`)
  }

  /** Counts bytes that are made, and the work of making them. */
  allocate(bytes: number): void {
    this.spend(ALLOCATION_STEPS + bytes / BYTES_PER_STEP)
    this.#bytes -= bytes + OBJECT_BYTES
    if (this.#bytes < 0) {
      throw new LuaExhausted(`the script made more than ${this.#budget.bytes} bytes of strings and tables`)
    }
  }

  /** Counts library work on `bytes`. */
  work(bytes: number): void {
    this.spend(1 + bytes / BYTES_PER_STEP)
  }

  /** Counts a comparison that looks at `length` bytes of strings at most, or the search for a key so long. */
  compared(length: number): void {
    if (length > SHORT_STRING) this.spend(length / BYTES_PER_STEP)
  }

  /** Counts values that are handed on: arguments, results, varargs. */
  handedOn(count: number): void {
    if (count > FEW_VALUES) this.spend(count / VALUES_PER_STEP)
  }

  fieldAdded(steps: number): void {
    this.steps -= steps
    this.#bytes -= FIELD_BYTES
    if (this.#bytes < 0) this.allocate(0)
  }

  newTable(): LuaTable {
    this.allocate(OBJECT_BYTES)
    return new LuaTable()
  }

  /** A table of values 1..n. */
  listOf(values: readonly LuaValue[]): LuaTable {
    const table = this.newTable()
    this.fillList(table, values)
    return table
  }

  /** Puts values at 1..n of a new table. */
  fillList(table: LuaTable, values: readonly LuaValue[]): void {
    this.allocate(values.length * FIELD_BYTES)
    table.setList(values)
  }

  /** `weight` more levels of the stack are in use. */
  enter(weight: number): void {
    this.#depth += weight
    if (this.#depth > DEPTH_MAX) {
      this.#depth -= weight
      this.raise('stack overflow')
    }
  }

  leave(weight: number): void {
    this.#depth -= weight
  }

  // --- Errors ---

  /** The line that the running function of the program is at. */
  get line(): number {
    return this.lines[this.level] || (this.lines[this.level - 1] ?? 0)
  }

  /** 'user_script:3: ', or nothing where a library function called. */
  where(level = 1): string {
    const line = this.lines[this.level - level + 1] ?? 0
    return line === 0 ? '' : `${this.chunk}:${line}: `
  }

  /** An error of any value, to be thrown. */
  errorOf(value: LuaValue): LuaError {
    this.spend(ERROR_STEPS)
    return new LuaError(value, this.line)
  }

  /** Raises an error with the place of the running function in front. */
  raise(message: string): never {
    this.spend(ERROR_STEPS + message.length)
    throw new LuaError(this.where() + message, this.line)
  }

  /** The same in `line`. */
  raiseAt(line: number, message: string): never {
    this.lines[this.level] = line
    return this.raise(message)
  }

  badArgument(position: number, name: string, problem: string): never {
    return this.raise(`bad argument #${position} to '${name}' (${problem})`)
  }

  /** Raises an error that has no place in front: one of the language itself, met inside a library function. */
  raiseInLibrary(message: string): never {
    this.allocate(message.length)
    throw new LuaError(message, this.line)
  }

  // --- Calls ---

  /** Runs a part of a library function in which errors of the language have no place. */
  inLibrary<T>(run: () => T): T {
    this.lines[++this.level] = 0
    const result = run()
    this.level--
    return result
  }

  /** Calls a value from a library function: the level of the library function is between. */
  call(callee: LuaValue, args: LuaValues): LuaValues {
    this.enter(CALL_WEIGHT)
    this.lines[++this.level] = 0
    const found = this.invoke(callee, args, 'value')
    this.level--
    this.leave(CALL_WEIGHT)
    return found
  }

  /** Calls a value; `what` names it in the error text. */
  invoke(callee: LuaValue, args: LuaValues, what: string): LuaValues {
    this.handedOn(args.length)
    if (callee instanceof LuaFunction) return callee.call(this, args)
    const handler = this.metamethod(callee, '__call')
    if (!(handler instanceof LuaFunction)) return this.raise(`attempt to call ${described(what, callee)}`)
    return handler.call(this, [callee, ...args])
  }

  /** Runs `attempt` as pcall() does: the state of calls is as before when it fails. */
  protect<T>(attempt: () => T, failed: (error: LuaError) => T): T {
    const { level } = this
    const depth = this.#depth
    try {
      return attempt()
    } catch (error) {
      // What a run has used up, and what the engine throws for its own reasons, is not the program's to catch.
      if (!(error instanceof LuaError)) throw error
      this.level = level
      this.#depth = depth
      return failed(error)
    }
  }

  // --- Metatables ---

  metatableOf(value: LuaValue): LuaTable | null {
    if (value instanceof LuaTable) return value.metatable
    return typeof value === 'string' ? this.stringMetatable : null
  }

  metamethod(value: LuaValue, event: string): LuaValue {
    return this.metatableOf(value)?.get(event)
  }

  /** object[key]; `what` names the object in the error text. */
  index(object: LuaValue, key: LuaValue, what = 'value'): LuaValue {
    let at = object
    if (typeof key === 'string') this.compared(key.length)
    for (let i = 0; i < INDEX_CHAIN_MAX; i++) {
      let handler: LuaValue
      if (at instanceof LuaTable) {
        const value = at.get(key)
        if (value !== undefined || at.metatable === null) return value
        handler = at.metatable.get('__index')
        if (handler === undefined) return undefined
      } else {
        handler = this.metamethod(at, '__index')
        if (handler === undefined) return this.raise(`attempt to index ${described(what, at)}`)
      }
      if (handler instanceof LuaFunction) return this.call(handler, [at, key])[0]
      at = handler
      this.spend(CHAIN_STEPS)
    }
    return this.raise('loop in gettable')
  }

  /** object[key] = value */
  setIndex(object: LuaValue, key: LuaValue, value: LuaValue, what = 'value'): void {
    let at = object
    for (let i = 0; i < INDEX_CHAIN_MAX; i++) {
      let handler: LuaValue
      if (at instanceof LuaTable) {
        const { metatable } = at
        if (metatable === null || at.get(key) !== undefined) return this.rawSet(at, key, value)
        handler = metatable.get('__newindex')
        if (handler === undefined) return this.rawSet(at, key, value)
      } else {
        handler = this.metamethod(at, '__newindex')
        if (handler === undefined) return this.raise(`attempt to index ${described(what, at)}`)
      }
      if (handler instanceof LuaFunction) {
        this.call(handler, [at, key, value])
        return
      }
      at = handler
      this.spend(CHAIN_STEPS)
    }
    this.raise('loop in settable')
  }

  rawSet(table: LuaTable, key: LuaValue, value: LuaValue): void {
    if (table.isReadonly) this.raise(READONLY)
    if (key === undefined) this.raise('table index is nil')
    if (Number.isNaN(key)) this.raise('table index is NaN')
    if (typeof key === 'string') this.compared(key.length)
    if (table.set(key, value)) this.fieldAdded(typeof key === 'number' ? ITEM_STEPS : FIELD_STEPS)
  }

  /** The field of `table` behind `key`, as LuaTable has it. */
  next(table: LuaTable, key: LuaValue): [key: LuaValue, value: LuaValue] | null | undefined {
    const found = table.next(key)
    if (table.passed > 0) this.spend(table.passed / PASSED_PER_STEP)
    if (typeof key === 'string') this.compared(key.length)
    return found
  }

  /** The text of a number, counted. */
  numberText(value: number): string {
    const isShort = Number.isInteger(value) && Math.abs(value) < INTEGER_TEXT_MAX
    this.spend(isShort ? INTEGER_STEPS : REAL_STEPS)
    return numberText(value)
  }

  /** tostring() */
  text(value: LuaValue): string {
    const handler = this.metamethod(value, '__tostring')
    if (handler !== undefined) {
      const found = this.call(handler, [value])[0]
      if (typeof found !== 'string' && typeof found !== 'number')
        return this.raise("'tostring' must return a string")
      return String(found)
    }
    if (typeof value === 'string') return value
    if (typeof value === 'number') return this.numberText(value)
    if (typeof value === 'boolean') return String(value)
    if (value === undefined) return 'nil'
    // Addresses would differ from node to node.
    if (value instanceof LightUserdata) return 'userdata: (nil)'
    return `${typeName(value)}: 0x0`
  }
}

/** type() */
export function typeName(value: LuaValue): string {
  if (value === undefined) return 'nil'
  if (value instanceof LuaTable) return 'table'
  if (value instanceof LuaFunction) return 'function'
  return value instanceof LightUserdata ? 'userdata' : typeof value
}

/** "local 'x' (a nil value)", or "a nil value" of what has no name. */
export function described(what: string, value: LuaValue): string {
  return what === 'value' ? `a ${typeName(value)} value` : `${what} (a ${typeName(value)} value)`
}
