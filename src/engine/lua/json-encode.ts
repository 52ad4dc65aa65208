/** cjson.encode(): values as JSON text, as lua-cjson 2.1 writes it. */
import { escapeEach } from './escape.ts'
import type { Machine } from './machine.ts'
import { typeName } from './machine.ts'
import { general } from './numbers.ts'
import { LuaTable } from './table.ts'
import { LightUserdata, type LuaValue } from './values.ts'

/** What programs may set, for their own run. */
export interface JsonSettings {
  encodeDepth: number
  decodeDepth: number
  precision: number
  /** Numbers that JSON has not: refused, written as null, or as words. */
  encodeInvalid: boolean | 'null'
  decodeInvalid: boolean
  /** Lists with too many holes become objects instead of an error. */
  sparseConvert: boolean
  sparseRatio: number
  sparseSafe: number
}

export function defaultJsonSettings(): JsonSettings {
  return {
    encodeDepth: 1_000,
    decodeDepth: 1_000,
    precision: 14,
    encodeInvalid: false,
    decodeInvalid: true,
    sparseConvert: false,
    sparseRatio: 2,
    sparseSafe: 10,
  }
}

/** What a number and an escaped character count for. */
const NUMBER_STEPS = 20
const ESCAPE_STEPS = 4
/** Levels of the stack that one level of nesting takes. */
export const JSON_WEIGHT = 2

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
}

const SPECIALS = /[^ !#-.0-[\]-~\u0080-\u00ff]/g

export class JsonEncoder {
  readonly #machine: Machine
  readonly #settings: JsonSettings
  readonly #parts: string[] = []

  constructor(machine: Machine, settings: JsonSettings) {
    this.#machine = machine
    this.#settings = settings
  }

  encode(value: LuaValue): string {
    this.#value(value, 0)
    return this.#parts.join('')
  }

  #add(text: string): void {
    this.#machine.allocate(text.length)
    this.#parts.push(text)
  }

  #value(value: LuaValue, depth: number): void {
    if (typeof value === 'string') this.#string(value)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'boolean') this.#add(String(value))
    else if (value === undefined || (value instanceof LightUserdata && value.name === 'null'))
      this.#add('null')
    else if (value instanceof LuaTable) this.#table(value, depth + 1)
    else this.#refuse(value, 'type not supported')
  }

  #refuse(value: LuaValue, problem: string): never {
    return this.#machine.raise(`Cannot serialise ${typeName(value)}: ${problem}`)
  }

  #string(text: string): void {
    this.#machine.work(text.length)
    const escaped = escapeEach(text, SPECIALS, (char) => {
      this.#machine.spend(ESCAPE_STEPS)
      return ESCAPES[char] ?? `\\u00${char.charCodeAt(0).toString(16).padStart(2, '0')}`
    })
    this.#add(`"${escaped}"`)
  }

  #number(value: number): void {
    const { encodeInvalid, precision } = this.#settings
    this.#machine.spend(NUMBER_STEPS)
    if (Number.isFinite(value)) this.#add(general(value, precision, false))
    else if (encodeInvalid === 'null') this.#add('null')
    else if (!encodeInvalid) this.#refuse(value, 'must not be NaN or Inf')
    else this.#add(general(value, precision, false))
  }

  #table(table: LuaTable, depth: number): void {
    if (depth > this.#settings.encodeDepth) {
      this.#machine.raise(`Cannot serialise, excessive nesting (${depth})`)
    }
    this.#machine.enter(JSON_WEIGHT)
    const length = this.#listLength(table)
    if (length > 0) this.#list(table, length, depth)
    else this.#object(table, depth)
    this.#machine.leave(JSON_WEIGHT)
  }

  /** How long the list is that the table holds; 0 when it is an object. */
  #listLength(table: LuaTable): number {
    const { sparseConvert, sparseRatio, sparseSafe } = this.#settings
    let most = table.length
    let count = 0
    let key: LuaValue
    for (let field = this.#machine.next(table, undefined); field; field = this.#machine.next(table, key)) {
      this.#machine.spend(1)
      key = field[0]
      if (typeof key !== 'number' || key < 1 || !Number.isInteger(key)) return 0
      if (key > most) most = key
      count++
    }
    if (sparseRatio > 0 && most > count * sparseRatio && most > sparseSafe) {
      if (!sparseConvert) this.#refuse(table, 'excessively sparse array')
      return 0
    }
    return most
  }

  #list(table: LuaTable, length: number, depth: number): void {
    for (let i = 1; i <= length; i++) {
      this.#add(i === 1 ? '[' : ',')
      this.#value(table.get(i), depth)
    }
    this.#add(']')
  }

  #object(table: LuaTable, depth: number): void {
    let before = '{'
    let key: LuaValue
    for (let field = this.#machine.next(table, undefined); field; field = this.#machine.next(table, key)) {
      key = field[0]
      this.#add(before)
      before = ','
      if (typeof key === 'number') this.#add(`"${general(key, this.#settings.precision, false)}"`)
      else if (typeof key === 'string') this.#string(key)
      else this.#refuse(key, 'table key must be a number or string')
      this.#add(':')
      this.#value(field[1], depth)
    }
    this.#add(before === '{' ? '{}' : '}')
  }
}
