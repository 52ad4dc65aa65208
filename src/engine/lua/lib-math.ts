/** Lua's math library. What is not exact in IEEE arithmetic comes from mathematics.ts, so that all nodes agree. */
import { type Arguments, type LibraryFunction, library } from './arguments.ts'
import type { Machine } from './machine.ts'
import {
  arcCosine,
  arcSine,
  arcTangent,
  arcTangent2,
  cosine,
  exponentialOf,
  hyperbolicCosine,
  hyperbolicSine,
  hyperbolicTangent,
  logarithm,
  logarithm10,
  power,
  scaleExponent,
  sine,
  splitExponent,
} from './mathematics.ts'
import type { LuaValue } from './values.ts'

/** A function made of many operations. */
const FUNCTION_STEPS = 10
const POWER_STEPS = 30

function unary(run: (x: number) => number): LibraryFunction {
  return (args, machine) => {
    machine.spend(FUNCTION_STEPS)
    return run(args.number(1))
  }
}

function extreme(args: Arguments, isBetter: (a: number, b: number) => boolean): number {
  args.machine.spend(args.count)
  let best = args.number(1)
  for (let i = 2; i <= args.count; i++) {
    const value = args.number(i)
    if (isBetter(value, best)) best = value
  }
  return best
}

function random(args: Arguments, machine: Machine): LuaValue {
  const drawn = machine.random.next()
  if (args.count === 0) return drawn
  if (args.count > 2) return machine.raise('wrong number of arguments')
  const low = args.count === 1 ? 1 : args.integer(1)
  const high = args.integer(args.count)
  if (low > high) args.bad(args.count, 'interval is empty')
  return Math.floor(drawn * (high - low + 1)) + low
}

const functions: Readonly<Record<string, LibraryFunction>> = {
  abs: unary(Math.abs),
  acos: unary(arcCosine),
  asin: unary(arcSine),
  atan: unary(arcTangent),
  atan2: (args) => arcTangent2(args.number(1), args.number(2)),
  ceil: unary(Math.ceil),
  cos: unary(cosine),
  cosh: unary(hyperbolicCosine),
  deg: unary((x) => x / (Math.PI / 180)),
  exp: unary(exponentialOf),
  floor: unary(Math.floor),
  fmod: (args) => args.number(1) % args.number(2),
  frexp: (args) => splitExponent(args.number(1)),
  ldexp: (args, machine) => {
    machine.spend(POWER_STEPS)
    return scaleExponent(args.number(1), args.integer(2))
  },
  log: unary(logarithm),
  log10: unary(logarithm10),
  max: (args) => extreme(args, (a, b) => a > b),
  min: (args) => extreme(args, (a, b) => a < b),
  mod: (args) => args.number(1) % args.number(2),
  modf: (args) => {
    const x = args.number(1)
    const whole = Math.trunc(x)
    return [whole, Number.isFinite(x) ? x - whole : 0]
  },
  pow: (args, machine) => {
    machine.spend(POWER_STEPS)
    return power(args.number(1), args.number(2))
  },
  rad: unary((x) => x * (Math.PI / 180)),
  random,
  randomseed: (args, machine) => {
    machine.random.seed(args.integer(1))
    return []
  },
  sin: unary(sine),
  sinh: unary(hyperbolicSine),
  sqrt: unary(Math.sqrt),
  tan: unary((x) => sine(x) / cosine(x)),
  tanh: unary(hyperbolicTangent),
}

export const mathLibrary = library(functions, { pi: Math.PI, huge: Number.POSITIVE_INFINITY })
