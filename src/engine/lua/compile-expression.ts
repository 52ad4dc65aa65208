/** Turns expressions into closures: the tree is walked once, and what it says is decided then. */
import type { Arithmetic, Comparison, Expression, FunctionBody, TableItem } from './ast.ts'
import { Cell, type Evaluate, type EvaluateMany, type Frame, RETURN, type Run } from './frame.ts'
import { CALL_WEIGHT, type Machine, SHORT_STRING } from './machine.ts'
import { arithmetic, compute, concatenate, isEqual, isLess, lengthOf, negate } from './operations.ts'
import { LuaTable } from './table.ts'
import { isTruthy, LuaFunction, type LuaValue, type LuaValues } from './values.ts'

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>

/** Compiles the statements of a function; given by compile-statement.ts, which stands above this. */
export type CompileBody = (body: FunctionBody) => Run

/** Adds one item of a table constructor: to the table, or to the values without a key. */
type AddItem = (frame: Frame, table: LuaTable, listed: LuaValue[]) => void

export class ExpressionCompiler {
  readonly #compileBody: CompileBody

  constructor(compileBody: CompileBody) {
    this.#compileBody = compileBody
  }

  /** Exactly one value. */
  one(node: Expression): Evaluate {
    switch (node.kind) {
      case 'constant': {
        const { value } = node
        return () => value
      }
      case 'local':
        return localGetter(node)
      case 'upvalue': {
        const { index } = node
        return (frame) => (frame.upvalues[index] as Cell).value
      }
      case 'global':
        return globalGetter(node)
      case 'varargs':
        return (frame) => frame.varargs[0]
      case 'call':
      case 'method': {
        const many = this.many(node)
        return (frame) => many(frame)[0]
      }
      case 'paren':
        return this.one(node.inner)
      case 'function':
        return this.#function(node.body)
      case 'table':
        return this.#table(node.items)
      default:
        return this.#operation(node)
    }
  }

  /** As many values as there are: calls and varargs may give any number. */
  many(node: Expression): EvaluateMany {
    if (node.kind === 'varargs') {
      return ({ machine, varargs }) => {
        machine.handedOn(varargs.length)
        return varargs.slice()
      }
    }
    if (node.kind === 'call') return this.#call(node)
    if (node.kind === 'method') return this.#method(node)
    const one = this.one(node)
    return (frame) => [one(frame)]
  }

  /** The values of a list: the last expression may give any number, the others one. */
  list(nodes: readonly Expression[]): EvaluateMany {
    const last = nodes.at(-1)
    if (last === undefined) return () => []
    if (nodes.length === 1) return this.many(last)
    const first = nodes.slice(0, -1).map((node) => this.one(node))
    if (!isMany(last)) {
      const all = [...first, this.one(last)]
      return (frame) => all.map((one) => one(frame))
    }
    const rest = this.many(last)
    return (frame) => {
      const values = first.map((one) => one(frame))
      for (const value of rest(frame)) values.push(value)
      return values
    }
  }

  /** A condition, without making a value of it. */
  test(node: Expression): (frame: Frame) => boolean {
    if (node.kind === 'unary' && node.operator === 'not') {
      const inner = this.test(node.operand)
      return (frame) => !inner(frame)
    }
    const one = this.one(node)
    return (frame) => isTruthy(one(frame))
  }

  #operation(node: Expression): Evaluate {
    switch (node.kind) {
      case 'index':
        return this.#index(node)
      case 'binary':
        return isComparison(node.operator) ? this.#comparison(node) : this.#arithmetic(node)
      case 'and': {
        const [left, right] = [this.one(node.left), this.one(node.right)]
        return (frame) => {
          const value = left(frame)
          return isTruthy(value) ? right(frame) : value
        }
      }
      case 'or': {
        const [left, right] = [this.one(node.left), this.one(node.right)]
        return (frame) => {
          const value = left(frame)
          return isTruthy(value) ? value : right(frame)
        }
      }
      case 'concat':
        return this.#concat(node)
      case 'unary':
        return this.#unary(node)
      default:
        throw new Error(`Cannot compile ${node.kind} as an operation`)
    }
  }

  #index(node: Of<'index'>): Evaluate {
    const { line } = node
    const object = this.one(node.object)
    const key = this.one(node.key)
    const what = nameOf(node.object)
    return (frame) => {
      const table = object(frame)
      const at = key(frame)
      const isShort = typeof at !== 'string' || at.length <= SHORT_STRING
      if (isShort && table instanceof LuaTable && table.metatable === null) return table.get(at)
      const { machine } = frame
      machine.lines[machine.level] = line
      return machine.index(table, at, what)
    }
  }

  #arithmetic({ line, operator, left, right }: Of<'binary'>): Evaluate {
    const [a, b] = [this.one(left), this.one(right)]
    const names = [nameOf(left), nameOf(right)] as const
    const sign = operator as Arithmetic
    return (frame) => {
      const x = a(frame)
      const y = b(frame)
      if (typeof x === 'number' && typeof y === 'number') return compute(sign, x, y)
      const { machine } = frame
      machine.lines[machine.level] = line
      return arithmetic(machine, sign, x, y, names)
    }
  }

  #comparison({ line, operator, left, right }: Of<'binary'>): Evaluate {
    const [a, b] = [this.one(left), this.one(right)]
    const at = (frame: Frame): Machine => {
      const { machine } = frame
      machine.lines[machine.level] = line
      return machine
    }
    switch (operator as Comparison) {
      case '==':
        return (frame) => isEqual(at(frame), a(frame), b(frame))
      case '~=':
        return (frame) => !isEqual(at(frame), a(frame), b(frame))
      case '<':
        return (frame) => {
          const [x, y] = [a(frame), b(frame)]
          return isLess(at(frame), x, y, false)
        }
      case '<=':
        return (frame) => {
          const [x, y] = [a(frame), b(frame)]
          return isLess(at(frame), x, y, true)
        }
      case '>':
        return (frame) => {
          const [x, y] = [a(frame), b(frame)]
          return isLess(at(frame), y, x, false)
        }
      case '>=':
        return (frame) => {
          const [x, y] = [a(frame), b(frame)]
          return isLess(at(frame), y, x, true)
        }
    }
  }

  #concat({ line, parts }: Of<'concat'>): Evaluate {
    const all = parts.map((part) => this.one(part))
    const names = parts.map(nameOf)
    return (frame) => {
      const values = all.map((part) => part(frame))
      const { machine } = frame
      machine.lines[machine.level] = line
      return concatenate(machine, values, (part) => names[part] ?? 'value')
    }
  }

  #unary({ line, operator, operand }: Of<'unary'>): Evaluate {
    if (operator === 'not') {
      const inner = this.test(operand)
      return (frame) => !inner(frame)
    }
    const one = this.one(operand)
    const name = nameOf(operand)
    const apply = operator === '-' ? negate : lengthOf
    return (frame) => {
      const value = one(frame)
      const { machine } = frame
      machine.lines[machine.level] = line
      return apply(machine, value, name)
    }
  }

  #call({ line, callee, args }: Of<'call'>): EvaluateMany {
    const target = this.one(callee)
    const values = this.list(args)
    const what = nameOf(callee)
    return (frame) => {
      const { machine } = frame
      const found = target(frame)
      const given = values(frame)
      machine.lines[machine.level] = line
      return machine.invoke(found, given, what)
    }
  }

  #method({ line, object, name, args }: Of<'method'>): EvaluateMany {
    const target = this.one(object)
    const values = this.list(args)
    const objectName = nameOf(object)
    const what = `method '${name}'`
    return (frame) => {
      const { machine } = frame
      const self = target(frame)
      machine.lines[machine.level] = line
      const found = machine.index(self, name, objectName)
      const given = values(frame)
      given.unshift(self)
      machine.lines[machine.level] = line
      return machine.invoke(found, given, what)
    }
  }

  #table(items: readonly TableItem[]): Evaluate {
    if (items.every(({ key }) => key === null)) {
      const list = this.list(items.map(({ value }) => value))
      return (frame) => frame.machine.listOf(list(frame))
    }
    // Items are evaluated as they stand there; those without a key take their places last.
    const steps = items.map((item, i) => this.#tableItem(item, i === items.length - 1))
    return (frame) => {
      const { machine } = frame
      const table = machine.newTable()
      const listed: LuaValue[] = []
      for (const step of steps) step(frame, table, listed)
      if (listed.length > 0) machine.fillList(table, listed)
      return table
    }
  }

  #tableItem({ key, value }: TableItem, isLast: boolean): AddItem {
    if (key === null) {
      // Only the very last item may give more than one value.
      const values = isLast ? this.many(value) : this.list([single(value)])
      return (frame, _table, listed) => {
        for (const found of values(frame)) listed.push(found)
      }
    }
    const [place, one] = [this.one(key), this.one(value)]
    const { line } = key
    return (frame, table) => {
      const { machine } = frame
      const at = place(frame)
      const found = one(frame)
      machine.lines[machine.level] = line
      machine.rawSet(table, at, found)
    }
  }

  #function(body: FunctionBody): Evaluate {
    const { upvalues } = body
    const make = functionMaker(body, this.#compileBody(body))
    return (frame) => {
      const cells = upvalues.map(({ isLocal, index }) => {
        return (isLocal ? frame.slots[index] : frame.upvalues[index]) as Cell
      })
      frame.machine.allocate(0)
      return make(cells)
    }
  }
}

/** Makes functions of a body, each over its own upvalues. */
export function functionMaker(body: FunctionBody, run: Run): (upvalues: readonly Cell[]) => LuaFunction {
  const { parameters, isVariadic } = body
  const count = parameters.length
  const weight = CALL_WEIGHT + body.body.depth
  const captured = parameters.filter(({ isCaptured }) => isCaptured).map(({ slot }) => slot)
  return (upvalues) =>
    new LuaFunction('?', (machine: Machine, args: LuaValues) => {
      machine.enter(weight)
      const slots: Frame['slots'] = args.slice(0, count)
      while (slots.length < count) slots.push(undefined)
      for (const slot of captured) slots[slot] = new Cell(slots[slot] as LuaValue)
      const varargs = isVariadic ? args.slice(count) : []
      const frame: Frame = { machine, slots, upvalues, varargs, result: [] }
      machine.lines[++machine.level] = body.line
      const signal = run(frame)
      machine.level--
      machine.leave(weight)
      return signal === RETURN ? frame.result : []
    })
}

/** How error texts name what an expression stands for. */
export function nameOf(node: Expression): string {
  switch (node.kind) {
    case 'local':
      return `local '${node.local.name}'`
    case 'upvalue':
      return `upvalue '${node.name}'`
    case 'global':
      return `global '${node.name}'`
    case 'index':
      return `field '${node.key.kind === 'constant' && typeof node.key.value === 'string' ? node.key.value : '?'}'`
    default:
      return 'value'
  }
}

function localGetter({ local }: Of<'local'>): Evaluate {
  const { slot } = local
  if (local.isCaptured) return (frame) => (frame.slots[slot] as Cell).value
  return (frame) => frame.slots[slot] as LuaValue
}

function globalGetter({ name, line }: Of<'global'>): Evaluate {
  return (frame) => {
    const { machine } = frame
    const value = machine.globals.get(name)
    if (value !== undefined || machine.globals.metatable === null) return value
    machine.lines[machine.level] = line
    return machine.index(machine.globals, name)
  }
}

function isComparison(operator: Arithmetic | Comparison): operator is Comparison {
  return ['==', '~=', '<', '<=', '>', '>='].includes(operator)
}

function isMany({ kind }: Expression): boolean {
  return kind === 'call' || kind === 'method' || kind === 'varargs'
}

function single(node: Expression): Expression {
  return isMany(node) ? { kind: 'paren', inner: node, line: node.line, depth: node.depth } : node
}
