/** Turns statements into closures, and a whole program into the function that it is. */
import type { Block, Expression, FunctionBody, Local, Statement } from './ast.ts'
import { ExpressionCompiler, functionMaker, nameOf } from './compile-expression.ts'
import { BREAK, Cell, type Evaluate, type Frame, NORMAL, RETURN, type Run } from './frame.ts'
import { toNumber } from './operations.ts'
import { parseProgram } from './parser.ts'
import type { LuaFunction, LuaValue } from './values.ts'

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>
type Assign = (frame: Frame, value: LuaValue) => void
/** Evaluates what a target hangs on, before anything is assigned. */
type Prepare = (frame: Frame) => (value: LuaValue) => void

/** The function that the program is: call it with the program's arguments. Throws SyntaxFailure. */
export function compileProgram(source: string, chunk: string): LuaFunction {
  const body = parseProgram(source, chunk)
  return functionMaker(body, compileBody(body))([])
}

const expressions = new ExpressionCompiler(compileBody)

function compileBody({ body }: FunctionBody): Run {
  return compileBlock(body)
}

function compileBlock({ statements, cost }: Block): Run {
  const runs = statements.map(compileStatement)
  const count = runs.length
  return (frame) => {
    const { machine } = frame
    machine.steps -= cost
    if (machine.steps < 0) machine.outOfSteps()
    for (let i = 0; i < count; i++) {
      const signal = (runs[i] as Run)(frame)
      if (signal !== NORMAL) return signal
    }
    return NORMAL
  }
}

function compileStatement(node: Statement): Run {
  switch (node.kind) {
    case 'local':
      return compileLocal(node)
    case 'assign':
      return compileAssign(node)
    case 'localFunction':
      return compileLocalFunction(node)
    case 'call': {
      const call = expressions.many(node.call)
      return (frame) => {
        call(frame)
        return NORMAL
      }
    }
    case 'do':
      return compileBlock(node.body)
    case 'if':
      return compileIf(node)
    case 'while':
      return compileWhile(node)
    case 'repeat':
      return compileRepeat(node)
    case 'numericFor':
      return compileNumericFor(node)
    case 'genericFor':
      return compileGenericFor(node)
    case 'return': {
      const values = expressions.list(node.values)
      return (frame) => {
        frame.result = values(frame)
        return RETURN
      }
    }
    case 'break':
      return () => BREAK
  }
}

function compileLocal({ locals, values }: Of<'local'>): Run {
  const [first] = locals as [Local]
  const [value] = values
  if (locals.length === 1 && values.length <= 1) {
    const init = declare(first)
    const one: Evaluate = value === undefined ? () => undefined : expressions.one(value)
    return (frame) => {
      init(frame, one(frame))
      return NORMAL
    }
  }
  const inits = locals.map(declare)
  const list = expressions.list(values)
  return (frame) => {
    const found = list(frame)
    for (let i = 0; i < inits.length; i++) (inits[i] as Assign)(frame, found[i])
    return NORMAL
  }
}

/** A new variable: a captured one gets a cell of its own each time. */
function declare({ slot, isCaptured }: Local): Assign {
  if (!isCaptured) {
    return (frame, value) => {
      frame.slots[slot] = value
    }
  }
  return (frame, value) => {
    frame.slots[slot] = new Cell(value)
  }
}

function compileLocalFunction({ local, value }: Of<'localFunction'>): Run {
  const init = declare(local)
  const one = expressions.one(value)
  const { slot, isCaptured } = local
  return (frame) => {
    // The function may refer to itself: its variable is there before it is.
    init(frame, undefined)
    const found = one(frame)
    if (isCaptured) (frame.slots[slot] as Cell).value = found
    else frame.slots[slot] = found
    return NORMAL
  }
}

function compileAssign({ targets, values, line }: Of<'assign'>): Run {
  const [target] = targets as [Expression]
  const [value] = values as [Expression]
  if (targets.length === 1 && values.length === 1) {
    const prepare = prepareTarget(target, line)
    const one = expressions.one(value)
    if (target.kind === 'local' && !target.local.isCaptured) {
      const { slot } = target.local
      return (frame) => {
        frame.slots[slot] = one(frame)
        return NORMAL
      }
    }
    if (target.kind === 'index') return assignField(target, one)
    return (frame) => {
      const assign = prepare(frame)
      assign(one(frame))
      return NORMAL
    }
  }
  const prepares = targets.map((each) => prepareTarget(each, line))
  const list = expressions.list(values)
  return (frame) => {
    const assigns = prepares.map((prepare) => prepare(frame))
    const found = list(frame)
    for (let i = assigns.length - 1; i >= 0; i--) (assigns[i] as (value: LuaValue) => void)(found[i])
    return NORMAL
  }
}

/** table[key] = value, the commonest, without anything made on the way. */
function assignField(target: Extract<Expression, { kind: 'index' }>, value: Evaluate): Run {
  const object = expressions.one(target.object)
  const key = expressions.one(target.key)
  const what = nameOf(target.object)
  const { line } = target
  return (frame) => {
    const table = object(frame)
    const name = key(frame)
    const found = value(frame)
    const { machine } = frame
    machine.lines[machine.level] = line
    machine.setIndex(table, name, found, what)
    return NORMAL
  }
}

function prepareTarget(target: Expression, line: number): Prepare {
  switch (target.kind) {
    case 'local': {
      const { slot, isCaptured } = target.local
      return (frame) => (value) => {
        if (isCaptured) (frame.slots[slot] as Cell).value = value
        else frame.slots[slot] = value
      }
    }
    case 'upvalue': {
      const { index } = target
      return (frame) => (value) => {
        ;(frame.upvalues[index] as Cell).value = value
      }
    }
    case 'global': {
      const { name } = target
      return ({ machine }) =>
        (value) => {
          machine.lines[machine.level] = line
          machine.setIndex(machine.globals, name, value)
        }
    }
    case 'index': {
      const object = expressions.one(target.object)
      const key = expressions.one(target.key)
      const what = nameOf(target.object)
      const at = target.line
      return (frame) => {
        const table = object(frame)
        const name = key(frame)
        const { machine } = frame
        return (value) => {
          machine.lines[machine.level] = at
          machine.setIndex(table, name, value, what)
        }
      }
    }
    default:
      throw new Error(`Cannot assign to ${target.kind}`)
  }
}

function compileIf({ branches, otherwise }: Of<'if'>): Run {
  const compiled = branches.map(({ condition, body }) => {
    return { test: expressions.test(condition), run: compileBlock(body) }
  })
  const last: Run = otherwise === null ? () => NORMAL : compileBlock(otherwise)
  return (frame) => {
    for (const { test, run } of compiled) if (test(frame)) return run(frame)
    return last(frame)
  }
}

function compileWhile({ condition, body }: Of<'while'>): Run {
  const test = expressions.test(condition)
  const run = compileBlock(body)
  return (frame) => {
    while (test(frame)) {
      const signal = run(frame)
      if (signal === BREAK) break
      if (signal === RETURN) return RETURN
    }
    return NORMAL
  }
}

function compileRepeat({ condition, body }: Of<'repeat'>): Run {
  const test = expressions.test(condition)
  const run = compileBlock(body)
  return (frame) => {
    do {
      const signal = run(frame)
      if (signal === BREAK) break
      if (signal === RETURN) return RETURN
    } while (!test(frame))
    return NORMAL
  }
}

function compileNumericFor({ local, from, to, step, body, line }: Of<'numericFor'>): Run {
  const bounds = [from, to].map((bound) => expressions.one(bound)) as [Evaluate, Evaluate]
  const increment: Evaluate = step === null ? () => 1 : expressions.one(step)
  const init = declare(local)
  const run = compileBlock(body)
  return (frame) => {
    const { machine } = frame
    const [start, end, by] = [bounds[0](frame), bounds[1](frame), increment(frame)].map((bound) =>
      toNumber(machine, bound),
    )
    if (start === undefined) return machine.raiseAt(line, "'for' initial value must be a number")
    if (end === undefined) return machine.raiseAt(line, "'for' limit must be a number")
    if (by === undefined) return machine.raiseAt(line, "'for' step must be a number")
    for (let at = start; by > 0 ? at <= end : at >= end; at += by) {
      init(frame, at)
      const signal = run(frame)
      if (signal === BREAK) break
      if (signal === RETURN) return RETURN
    }
    return NORMAL
  }
}

function compileGenericFor({ locals, values, body, line }: Of<'genericFor'>): Run {
  const list = expressions.list(values)
  const inits = locals.map(declare)
  const run = compileBlock(body)
  return (frame) => {
    const { machine } = frame
    const [iterator, state, initial] = list(frame)
    let control = initial
    for (;;) {
      machine.lines[machine.level] = line
      const found = machine.invoke(iterator, [state, control], 'value')
      control = found[0]
      if (control === undefined) return NORMAL
      for (let i = 0; i < inits.length; i++) (inits[i] as Assign)(frame, found[i])
      const signal = run(frame)
      if (signal === BREAK) return NORMAL
      if (signal === RETURN) return RETURN
    }
  }
}
