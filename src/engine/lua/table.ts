/**
 * A Lua table: values of 1..n in a list, all others by key. Traversal goes through the list, then through the other
 * keys in the order in which they were first set: the same on every node. A key that was cleared keeps its place until
 * the table makes room, so that programs may clear fields while they traverse.
 */
import type { LuaValue } from './values.ts'

/** Cleared keys are swept once there are more than this, and more than half of all. */
const CLEARED_KEPT = 8

export class LuaTable {
  /** Values of 1..n; the last one is never nil. */
  readonly list: LuaValue[] = []
  #index: Map<LuaValue, number> | null = null
  #keys: LuaValue[] = []
  #values: LuaValue[] = []
  /** Places among the keys that hold nil. */
  #cleared = 0
  /** Places without a value that the last next() passed by: what it cost. */
  passed = 0
  metatable: LuaTable | null = null
  /** Programs cannot change it. */
  isReadonly = false

  /** A border: n such that t[n] is not nil and t[n + 1] is. */
  get length(): number {
    return this.list.length
  }

  /** Fields beside the list. */
  get fieldCount(): number {
    return this.#keys.length - this.#cleared
  }

  get(key: LuaValue): LuaValue {
    if (typeof key === 'number') {
      const value = this.list[key - 1]
      if (value !== undefined || this.#index === null) return value
    }
    if (this.#index === null) return undefined
    const at = this.#index.get(key)
    return at === undefined ? undefined : this.#values[at]
  }

  /** Without metamethods. `key` is neither nil nor NaN; true when a field was added. */
  set(key: LuaValue, value: LuaValue): boolean {
    const { list } = this
    if (typeof key === 'number') {
      if (key >= 1 && key <= list.length && Number.isInteger(key)) {
        list[key - 1] = value
        if (value === undefined && key === list.length) this.#trim()
        return false
      }
      if (key === list.length + 1) return this.#append(key, value)
    }
    return this.#setField(key, value)
  }

  /** The values of a table constructor take the places 1..n: nil inside is kept as a hole. */
  setList(values: readonly LuaValue[]): void {
    for (let i = 0; i < values.length; i++) {
      if (this.#index !== null) this.#forgetField(i + 1)
      this.list[i] = values[i]
    }
    this.#trim()
    if (this.#index !== null) this.#pullFields()
  }

  /** The field behind `key` (nil: the first), null at the end, undefined when there is no such key. */
  next(key: LuaValue): [key: LuaValue, value: LuaValue] | null | undefined {
    this.passed = 0
    let at = -1
    if (typeof key === 'number' && Number.isInteger(key) && key >= 1 && this.#index?.has(key) !== true) {
      at = key - 1
    } else if (key !== undefined) {
      const place = this.#index?.get(key)
      return place === undefined ? undefined : this.#nextField(place + 1)
    }
    for (let i = at + 1; i < this.list.length; i++) {
      if (this.list[i] !== undefined) return [i + 1, this.list[i]]
      this.passed++
    }
    return this.#nextField(0)
  }

  #nextField(from: number): [LuaValue, LuaValue] | null {
    for (let at = from; at < this.#keys.length; at++) {
      if (this.#values[at] !== undefined) return [this.#keys[at], this.#values[at]]
      this.passed++
    }
    return null
  }

  #append(key: number, value: LuaValue): boolean {
    if (value === undefined) return this.#setField(key, undefined)
    this.#forgetField(key)
    this.list.push(value)
    if (this.#index !== null) this.#pullFields()
    return true
  }

  /** A key that the list holds has no place among the fields, not even a cleared one: traversal goes by it. */
  #forgetField(key: number): void {
    const at = this.#index?.get(key)
    if (at === undefined) return
    if (this.#values[at] !== undefined) this.#cleared++
    this.#values[at] = undefined
    this.#index?.delete(key)
  }

  /** Fields that follow the list now become part of it. */
  #pullFields(): void {
    for (;;) {
      const key = this.list.length + 1
      const at = this.#index?.get(key)
      const value = at === undefined ? undefined : this.#values[at]
      if (at === undefined || value === undefined) return
      this.#forgetField(key)
      this.list.push(value)
    }
  }

  #trim(): void {
    const { list } = this
    while (list.length > 0 && list[list.length - 1] === undefined) list.pop()
  }

  #setField(key: LuaValue, value: LuaValue): boolean {
    const at = this.#index?.get(key)
    if (at !== undefined) {
      const before = this.#values[at]
      this.#values[at] = value
      if (before === undefined && value !== undefined) this.#cleared--
      else if (before !== undefined && value === undefined) this.#cleared++
      return false
    }
    if (value === undefined) return false
    if (this.#cleared > CLEARED_KEPT && this.#cleared * 2 > this.#keys.length) this.#compact()
    this.#index ??= new Map()
    this.#index.set(key, this.#keys.length)
    this.#keys.push(key)
    this.#values.push(value)
    return true
  }

  #compact(): void {
    const keys: LuaValue[] = []
    const values: LuaValue[] = []
    this.#index = new Map()
    for (let at = 0; at < this.#keys.length; at++) {
      const value = this.#values[at]
      if (value === undefined) continue
      this.#index.set(this.#keys[at], keys.length)
      keys.push(this.#keys[at])
      values.push(value)
    }
    this.#keys = keys
    this.#values = values
    this.#cleared = 0
  }
}
