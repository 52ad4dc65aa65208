/** The library `bit` of LuaJIT, as Redis brings it: operations on 32-bit integers. */
import { type Arguments, type LibraryFunction, library } from './arguments.ts'

const TWO_32 = 2 ** 32

/** Rounds to the nearest integer, halves to even, and keeps the lower 32 bits with a sign. */
function toBits(args: Arguments, position: number): number {
  const value = args.number(position)
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 52) return 0
  const floor = Math.floor(value)
  const rest = value - floor
  const isUp = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0)
  return ((isUp ? floor + 1 : floor) % TWO_32) | 0
}

function fold(combine: (a: number, b: number) => number): LibraryFunction {
  return (args, machine) => {
    machine.spend(args.count)
    let result = toBits(args, 1)
    for (let i = 2; i <= args.count; i++) result = combine(result, toBits(args, i))
    return result
  }
}

function shift(move: (bits: number, by: number) => number): LibraryFunction {
  return (args) => move(toBits(args, 1), toBits(args, 2) & 31) | 0
}

function swapBytes(bits: number): number {
  return (bits >>> 24) | ((bits >>> 8) & 0xff00) | ((bits & 0xff00) << 8) | (bits << 24)
}

/** The last |n| hexadecimal digits; capital letters when n is negative. */
function toHex(args: Arguments): string {
  const count = args.at(2) === undefined ? 8 : toBits(args, 2)
  const digits = Math.min(Math.abs(count), 8)
  const text = (toBits(args, 1) >>> 0)
    .toString(16)
    .padStart(8, '0')
    .slice(8 - digits)
  return count < 0 ? text.toUpperCase() : text
}

const functions: Readonly<Record<string, LibraryFunction>> = {
  arshift: shift((bits, by) => bits >> by),
  band: fold((a, b) => a & b),
  bnot: (args) => ~toBits(args, 1),
  bor: fold((a, b) => a | b),
  bswap: (args) => swapBytes(toBits(args, 1)),
  bxor: fold((a, b) => a ^ b),
  lshift: shift((bits, by) => bits << by),
  rol: shift((bits, by) => (bits << by) | (bits >>> (32 - by || 32))),
  ror: shift((bits, by) => (bits >>> by) | (bits << (32 - by || 32))),
  rshift: shift((bits, by) => bits >>> by),
  tobit: (args) => toBits(args, 1),
  tohex: toHex,
}

export const bitLibrary = library(functions)
