/** The library cmsgpack: values as MessagePack, in the forms that lua-cmsgpack chooses. */
import { type Arguments, type LibraryFunction, library } from './arguments.ts'
import type { Machine } from './machine.ts'
import { LuaTable } from './table.ts'
import type { LuaValue, LuaValues } from './values.ts'

/** Tables deeper than this are packed as nil. */
const NESTING_MAX = 16
/** Levels of the stack that one level of nesting takes. */
const WEIGHT = 2
/** What packing a number of several bytes counts for, and any value that is read. */
const NUMBER_STEPS = 8
const VALUE_STEPS = 4

class Packer {
  readonly #machine: Machine
  readonly #parts: string[] = []

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get text(): string {
    return this.#parts.join('')
  }

  value(value: LuaValue, level = 0): void {
    if (typeof value === 'string') this.#string(value)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2)
    else if (value instanceof LuaTable && level < NESTING_MAX) this.#table(value, level + 1)
    else this.#byte(0xc0)
  }

  #add(text: string): void {
    this.#machine.allocate(text.length)
    this.#parts.push(text)
  }

  #byte(byte: number): void {
    this.#add(String.fromCharCode(byte))
  }

  /** A byte that says what follows, and an integer of so many bytes. */
  #sized(kind: number, value: number | bigint, size: number): void {
    this.#machine.spend(NUMBER_STEPS)
    const bytes = Buffer.alloc(1 + size)
    bytes[0] = kind
    let bits = BigInt.asUintN(8 * size, BigInt(value))
    for (let at = size; at > 0; at--) {
      bytes[at] = Number(bits & 0xffn)
      bits >>= 8n
    }
    this.#add(bytes.toString('latin1'))
  }

  #string(text: string): void {
    const { length } = text
    if (length < 32) this.#byte(0xa0 | length)
    else if (length <= 0xff) this.#sized(0xd9, length, 1)
    else if (length <= 0xffff) this.#sized(0xda, length, 2)
    else this.#sized(0xdb, length, 4)
    this.#add(text)
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 63) return this.#real(value)
    if (value >= 0) {
      if (value <= 0x7f) this.#byte(value)
      else if (value <= 0xff) this.#sized(0xcc, value, 1)
      else if (value <= 0xffff) this.#sized(0xcd, value, 2)
      else if (value <= 0xffffffff) this.#sized(0xce, value, 4)
      else this.#sized(0xcf, value, 8)
    } else if (value >= -32) this.#byte(value & 0xff)
    else if (value >= -0x80) this.#sized(0xd0, value, 1)
    else if (value >= -0x8000) this.#sized(0xd1, value, 2)
    else if (value >= -0x80000000) this.#sized(0xd2, value, 4)
    else this.#sized(0xd3, value, 8)
    return undefined
  }

  #real(value: number): void {
    this.#machine.spend(NUMBER_STEPS)
    const isShort = Object.is(Math.fround(value), value)
    const bytes = Buffer.alloc(isShort ? 5 : 9)
    bytes[0] = isShort ? 0xca : 0xcb
    if (isShort) bytes.writeFloatBE(value, 1)
    else bytes.writeDoubleBE(value, 1)
    this.#add(bytes.toString('latin1'))
  }

  #table(table: LuaTable, level: number): void {
    const fields: [LuaValue, LuaValue][] = []
    let isList = true
    const machine = this.#machine
    for (let field = machine.next(table, undefined); field; field = machine.next(table, field[0])) {
      this.#machine.spend(1)
      fields.push(field)
      if (field[0] !== fields.length) isList = false
    }
    this.#machine.enter(WEIGHT)
    if (isList) this.#head(fields.length, 0x90, 0xdc)
    else this.#head(fields.length, 0x80, 0xde)
    for (const [key, value] of fields) {
      if (!isList) this.value(key, level)
      this.value(value, level)
    }
    this.#machine.leave(WEIGHT)
  }

  #head(count: number, short: number, long: number): void {
    if (count <= 15) this.#byte(short | count)
    else if (count <= 0xffff) this.#sized(long, count, 2)
    else this.#sized(long + 1, count, 4)
  }
}

class Unpacker {
  readonly #machine: Machine
  readonly #bytes: Buffer
  at: number

  constructor(machine: Machine, bytes: Buffer, at: number) {
    this.#machine = machine
    this.#bytes = bytes
    this.at = at
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  value(): LuaValue {
    this.#machine.spend(VALUE_STEPS)
    const kind = this.#take(1).readUInt8(0)
    if (kind <= 0x7f) return kind
    if (kind >= 0xe0) return kind - 0x100
    if (kind <= 0x8f) return this.#map(kind & 0x0f)
    if (kind <= 0x9f) return this.#list(kind & 0x0f)
    if (kind <= 0xbf) return this.#text(kind & 0x1f)
    return this.#sized(kind)
  }

  #sized(kind: number): LuaValue {
    switch (kind) {
      case 0xc0:
        return undefined
      case 0xc2:
      case 0xc3:
        return kind === 0xc3
      case 0xca:
        return this.#take(4).readFloatBE(0)
      case 0xcb:
        return this.#take(8).readDoubleBE(0)
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(2 ** (kind - 0xcc))
      case 0xcf:
        return Number(this.#take(8).readBigUInt64BE(0))
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#take(2 ** (kind - 0xd0)).readIntBE(0, 2 ** (kind - 0xd0))
      case 0xd3:
        return Number(this.#take(8).readBigInt64BE(0))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(2 ** (kind - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#list(this.#unsigned(2 ** (kind - 0xdb)))
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 ** (kind - 0xdd)))
      default:
        return this.#machine.raise('Bad data format in input.')
    }
  }

  #take(size: number): Buffer {
    if (this.at + size > this.#bytes.length) this.#machine.raise('Missing bytes in input.')
    const part = this.#bytes.subarray(this.at, this.at + size)
    this.at += size
    return part
  }

  #unsigned(size: number): number {
    return this.#take(size).readUIntBE(0, size)
  }

  #text(length: number): string {
    const part = this.#take(length)
    this.#machine.allocate(length)
    return part.toString('latin1')
  }

  #list(count: number): LuaTable {
    const table = this.#machine.newTable()
    this.#machine.enter(WEIGHT)
    for (let i = 1; i <= count; i++) this.#machine.rawSet(table, i, this.value())
    this.#machine.leave(WEIGHT)
    return table
  }

  #map(count: number): LuaTable {
    const table = this.#machine.newTable()
    this.#machine.enter(WEIGHT)
    for (let i = 0; i < count; i++) {
      const key = this.value()
      this.#machine.rawSet(table, key, this.value())
    }
    this.#machine.leave(WEIGHT)
    return table
  }
}

function pack(args: Arguments, machine: Machine): string {
  if (args.count === 0) args.bad(0, 'MessagePack pack needs input.')
  const packer = new Packer(machine)
  for (const value of args.values) packer.value(value)
  return packer.text
}

/** Values from `offset` on, `limit` at most; null: all, without the place behind them. */
function unpackFrom(args: Arguments, machine: Machine, limit: number | null, offset: number): LuaValues {
  const text = args.string(1)
  if (offset < 0 || (limit !== null && limit < 0)) {
    machine.raise(`Invalid request to unpack with offset of ${offset} and limit of ${text.length}.`)
  }
  if (offset > text.length) machine.raise(`Start offset ${offset} greater than input length ${text.length}.`)
  machine.work(text.length)
  const unpacker = new Unpacker(machine, Buffer.from(text, 'latin1'), offset)
  const found: LuaValue[] = []
  while (!unpacker.isAtEnd && (limit === null || found.length < limit)) found.push(unpacker.value())
  if (limit === null) return found
  return [unpacker.isAtEnd ? -1 : unpacker.at, ...found]
}

const functions: Readonly<Record<string, LibraryFunction>> = {
  pack,
  unpack: (args, machine) => unpackFrom(args, machine, null, 0),
  unpack_one: (args, machine) => unpackFrom(args, machine, 1, args.optionalInteger(2, 0)),
  unpack_limit: (args, machine) => unpackFrom(args, machine, args.integer(2), args.optionalInteger(3, 0)),
}

export const cmsgpackLibrary = library(functions, {
  _NAME: 'cmsgpack',
  _VERSION: 'lua-cmsgpack 0.4.0',
  _DESCRIPTION: 'MessagePack C implementation for Lua',
})
