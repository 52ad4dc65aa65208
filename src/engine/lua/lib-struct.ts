/** The library struct: values as bytes of C structures, sizes as on 64-bit machines. */
import { type Arguments, type LibraryFunction, library } from './arguments.ts'
import { toInt64 } from './format.ts'
import type { Machine } from './machine.ts'
import type { LuaValue, LuaValues } from './values.ts'

const INTEGER_MAX = 32
/** What one item counts for besides its bytes. */
const ITEM_STEPS = 10
const ALIGNMENT_MAX = 8
const SIZES: Readonly<Record<string, number>> = { b: 1, B: 1, h: 2, H: 2, l: 8, L: 8, T: 8, f: 4, d: 8, x: 1 }

interface Item {
  readonly option: string
  readonly size: number
  /** Zero bytes in front. */
  readonly padding: number
  readonly isLittle: boolean
}

/** Walks through a format; knows byte order and alignment as they change. */
class Layout {
  readonly #args: Arguments
  readonly #format: string
  #at = 0
  #isLittle = true
  #alignment = 1

  constructor(args: Arguments) {
    this.#args = args
    this.#format = args.string(1)
    args.machine.spend(this.#format.length)
  }

  /** The next item when `offset` bytes are before it; null at the end. */
  next(offset: number): Item | null {
    for (;;) {
      const option = this.#format[this.#at++]
      if (option === undefined) return null
      if (option === '<' || option === '>') this.#isLittle = option === '<'
      else if (option === '!') this.#align()
      else if (option !== ' ') return this.#item(option, offset)
    }
  }

  #item(option: string, offset: number): Item {
    const size = this.#size(option)
    const to = option === 'c' || size === 0 ? 1 : Math.min(size, this.#alignment)
    const isPadded = option !== 'x' && option !== 's' && to > 1
    return { option, size, padding: isPadded ? (to - (offset % to)) % to : 0, isLittle: this.#isLittle }
  }

  #size(option: string): number {
    const known = SIZES[option]
    if (known !== undefined) return known
    if (option === 's') return 0
    if (option === 'c') return this.#number() ?? 1
    if (option !== 'i' && option !== 'I') return this.#args.bad(1, `invalid format option '${option}'`)
    const size = this.#number() ?? 4
    if (size > INTEGER_MAX) {
      this.#args.machine.raise(`integral size ${size} is larger than limit of ${INTEGER_MAX}`)
    }
    return size
  }

  #align(): void {
    const alignment = this.#number() ?? ALIGNMENT_MAX
    if (alignment <= 0 || (alignment & (alignment - 1)) !== 0) {
      this.#args.machine.raise('alignment is not a power of 2')
    }
    this.#alignment = alignment
  }

  #number(): number | null {
    const digits = /\d*/y
    digits.lastIndex = this.#at
    const text = digits.exec(this.#format)?.[0] ?? ''
    this.#at += text.length
    if (text.length > 9) this.#args.machine.raise('integral size overflow')
    return text === '' ? null : Number(text)
  }
}

function pack(args: Arguments, machine: Machine): string {
  // What is not given counts as nil.
  args.values.push(undefined)
  const layout = new Layout(args)
  const parts: string[] = []
  let length = 0
  let position = 2
  for (let item = layout.next(0); item !== null; item = layout.next(length)) {
    const text = '\0'.repeat(item.padding) + (item.option === 'x' ? '\0' : packed(args, position, item))
    if (item.option !== 'x') position++
    machine.spend(ITEM_STEPS)
    machine.allocate(text.length)
    length += text.length
    parts.push(text)
  }
  return parts.join('')
}

function packed(args: Arguments, position: number, item: Item): string {
  const { option, size } = item
  if (option === 'f' || option === 'd') return packReal(args.number(position), item)
  if (option !== 's' && option !== 'c') return packInteger(args.number(position), item)
  const text = args.string(position)
  if (option === 's') return `${text}\0`
  if (size === 0) return text
  // As struct counts it: one further on.
  if (text.length < size) args.bad(position + 1, 'string too short')
  return text.slice(0, size)
}

function packReal(value: number, { size, isLittle }: Item): string {
  const bytes = Buffer.alloc(size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, size)
  if (size === 4) view.setFloat32(0, value, isLittle)
  else view.setFloat64(0, value, isLittle)
  return bytes.toString('latin1')
}

function packInteger(value: number, { size, isLittle }: Item): string {
  let bits = BigInt.asUintN(
    64,
    value < 0 ? toInt64(value) : BigInt(Number.isFinite(value) ? Math.trunc(value) : 0),
  )
  const bytes: number[] = []
  for (let i = 0; i < size; i++) {
    bytes.push(Number(bits & 0xffn))
    bits >>= 8n
  }
  return String.fromCharCode(...(isLittle ? bytes : bytes.reverse()))
}

function unpack(args: Arguments, machine: Machine): LuaValues {
  const layout = new Layout(args)
  const data = args.string(2)
  let at = args.optionalInteger(3, 1) - 1
  if (at < 0) args.bad(3, 'offset must be 1 or greater')
  const found: LuaValue[] = []
  for (let item = layout.next(at); item !== null; item = layout.next(at)) {
    at += item.padding
    const { option } = item
    let { size } = item
    if (option === 'c' && size === 0) {
      const length = found.pop()
      if (typeof length !== 'number') return machine.raise("format 'c0' needs a previous size")
      size = length
    }
    if (at + size > data.length || size < 0) args.bad(2, 'data string too short')
    if (option === 's') {
      const end = data.indexOf('\0', at)
      if (end < 0) {
        machine.work(data.length - at)
        machine.raise('unfinished string in data')
      }
      size = end - at + 1
    }
    machine.spend(ITEM_STEPS)
    machine.allocate(size)
    const value = unpacked(data.slice(at, at + size), item)
    if (option !== 'x') found.push(value)
    at += size
  }
  return [...found, at + 1]
}

function unpacked(bytes: string, { option, size, isLittle }: Item): LuaValue {
  if (option === 's') return bytes.slice(0, -1)
  if (option === 'c') return bytes
  if (option === 'f' || option === 'd') {
    const raw = Buffer.from(bytes, 'latin1')
    const view = new DataView(raw.buffer, raw.byteOffset, size)
    return size === 4 ? view.getFloat32(0, isLittle) : view.getFloat64(0, isLittle)
  }
  let bits = 0n
  for (let i = 0; i < size; i++) {
    const at = isLittle ? size - 1 - i : i
    bits = (bits << 8n) | BigInt(bytes.charCodeAt(at))
  }
  const width = Math.min(size, 8) * 8
  const isSigned = option === option.toLowerCase()
  return Number(isSigned ? BigInt.asIntN(width, bits) : BigInt.asUintN(64, bits))
}

function sizeOf(args: Arguments): number {
  const layout = new Layout(args)
  let length = 0
  for (let item = layout.next(0); item !== null; item = layout.next(length)) {
    if (item.option === 's') args.bad(1, "option 's' has no fixed size")
    if (item.option === 'c' && item.size === 0) args.bad(1, 'variable-length format')
    length += item.padding + item.size
  }
  return length
}

const functions: Readonly<Record<string, LibraryFunction>> = { pack, unpack, size: sizeOf }

export const structLibrary = library(functions)
