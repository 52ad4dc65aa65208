/** Programs and statements of Lua 5.1: text in, a tree with resolved names out. */
import type { Block, Expression, FunctionBody, Local, Statement, StatementShape } from './ast.ts'
import { ExpressionParser } from './parse-expression.ts'
import { FunctionScope } from './scope.ts'
import { Tokens } from './tokens.ts'

/** The function that a program is. Throws SyntaxFailure; `chunk` is the program's name in error texts. */
export function parseProgram(source: string, chunk: string): FunctionBody {
  const tokens = new Tokens(source, chunk)
  tokens.scope.isVariadic = true
  const body = new StatementParser(tokens).block()
  if (tokens.token.kind !== 'end') tokens.fail("'<eof>' expected")
  const { slotCount } = tokens.scope
  return { line: 0, parameters: [], isVariadic: true, upvalues: [], slotCount, body }
}

class StatementParser {
  readonly #tokens: Tokens
  readonly #expressions: ExpressionParser

  constructor(tokens: Tokens) {
    this.#tokens = tokens
    this.#expressions = new ExpressionParser(tokens, (hasSelf, line) => this.#body(hasSelf, line))
  }

  /** Statements up to what ends a block, in a scope of their own; `also` is parsed in that scope. */
  block(also: () => void = () => {}): Block {
    const { scope, cost } = this.#tokens
    const active = scope.activeCount
    this.#tokens.cost = 1
    const statements = this.#statements()
    also()
    const own = this.#tokens.cost
    scope.close(active)
    this.#tokens.cost = cost
    return { statements, cost: own, depth: 1 + deepest(statements) }
  }

  #statements(): Statement[] {
    const tokens = this.#tokens
    const statements: Statement[] = []
    while (!this.#endsBlock()) {
      const statement = tokens.nested(() => this.#statement())
      tokens.accept(';')
      if (statement !== null) statements.push(statement)
      tokens.cost++
      if (statement?.kind === 'return' || statement?.kind === 'break') break
    }
    return statements
  }

  #endsBlock(): boolean {
    const { kind, text } = this.#tokens.token
    return kind === 'end' || (kind === 'keyword' && ['end', 'else', 'elseif', 'until'].includes(text))
  }

  #statement(): Statement {
    const tokens = this.#tokens
    const { line } = tokens.token
    if (tokens.accept('if')) return this.#if(line)
    if (tokens.accept('while')) return this.#while(line)
    if (tokens.accept('for')) return this.#for(line)
    if (tokens.accept('repeat')) return this.#repeat(line)
    if (tokens.accept('function')) return this.#function(line)
    if (tokens.accept('return')) return this.#return(line)
    if (tokens.accept('do')) {
      const body = this.block()
      tokens.expectClose('end', 'do', line)
      return node({ kind: 'do', body }, line, body.depth)
    }
    if (tokens.accept('break')) {
      if (tokens.scope.loops === 0) tokens.fail('no loop to break')
      return node({ kind: 'break' }, line, 0)
    }
    if (!tokens.accept('local')) return this.#expressionStatement(line)
    return tokens.accept('function') ? this.#localFunction(line) : this.#local(line)
  }

  #if(line: number): Statement {
    const tokens = this.#tokens
    const branches: { condition: Expression; body: Block }[] = []
    let otherwise: Block | null = null
    do {
      const condition = this.#expressions.expression()
      tokens.expect('then')
      branches.push({ condition, body: this.block() })
    } while (tokens.accept('elseif'))
    if (tokens.accept('else')) otherwise = this.block()
    tokens.expectClose('end', 'if', line)
    const parts = [
      ...branches.flatMap(({ condition, body }) => [condition, body]),
      ...(otherwise ? [otherwise] : []),
    ]
    return node({ kind: 'if', branches, otherwise }, line, deepest(parts))
  }

  /** The condition counts each time round. */
  #while(line: number): Statement {
    const tokens = this.#tokens
    const before = tokens.cost
    const condition = this.#expressions.expression()
    const conditionCost = tokens.cost - before
    tokens.expect('do')
    const body = this.#loopBody()
    tokens.expectClose('end', 'while', line)
    const whole = { ...body, cost: body.cost + conditionCost }
    return node({ kind: 'while', condition, body: whole }, line, Math.max(condition.depth, body.depth))
  }

  /** The condition sees the names of the body. */
  #repeat(line: number): Statement {
    let condition = this.#expressions.constant(true)
    const body = this.#loopBody(() => {
      this.#tokens.expectClose('until', 'repeat', line)
      condition = this.#expressions.expression()
    })
    return node({ kind: 'repeat', condition, body }, line, Math.max(condition.depth, body.depth))
  }

  #loopBody(also?: () => void): Block {
    const { scope } = this.#tokens
    scope.loops++
    const body = this.block(also)
    scope.loops--
    return body
  }

  #for(line: number): Statement {
    const tokens = this.#tokens
    const { scope } = tokens
    const active = scope.activeCount
    const name = tokens.name()
    const statement = tokens.accept('=') ? this.#numericFor(name, line) : this.#genericFor(name, line)
    scope.close(active)
    return statement
  }

  #numericFor(name: string, line: number): Statement {
    const tokens = this.#tokens
    const from = this.#expressions.expression()
    tokens.expect(',')
    const to = this.#expressions.expression()
    const step = tokens.accept(',') ? this.#expressions.expression() : null
    tokens.expect('do')
    const local = tokens.declare(name)
    const body = this.#loopBody()
    tokens.expectClose('end', 'for', line)
    const depth = deepest([from, to, body, ...(step === null ? [] : [step])])
    return node({ kind: 'numericFor', local, from, to, step, body }, line, depth)
  }

  #genericFor(first: string, line: number): Statement {
    const tokens = this.#tokens
    const names = [first]
    while (tokens.accept(',')) names.push(tokens.name())
    if (!tokens.is('in')) tokens.fail("'=' or 'in' expected")
    tokens.advance()
    const values = this.#expressions.list()
    tokens.expect('do')
    const locals = names.map((name) => tokens.declare(name))
    const body = this.#loopBody()
    tokens.expectClose('end', 'for', line)
    return node({ kind: 'genericFor', locals, values, body }, line, deepest([...values, body]))
  }

  /** function a.b.c:d() … end */
  #function(line: number): Statement {
    const tokens = this.#tokens
    let target = this.#expressions.named(tokens.name())
    while (tokens.accept('.')) target = this.#expressions.field(target, tokens.name())
    const hasSelf = tokens.accept(':')
    if (hasSelf) target = this.#expressions.field(target, tokens.name())
    const value = this.#expressions.functionLiteral(hasSelf, line)
    return node(
      { kind: 'assign', targets: [target], values: [value] },
      line,
      Math.max(target.depth, value.depth),
    )
  }

  #localFunction(line: number): Statement {
    const local = this.#tokens.declare(this.#tokens.name())
    const value = this.#expressions.functionLiteral(false, line)
    return node({ kind: 'localFunction', local, value }, line, value.depth)
  }

  #local(line: number): Statement {
    const tokens = this.#tokens
    const names = [tokens.name()]
    while (tokens.accept(',')) names.push(tokens.name())
    const values = tokens.accept('=') ? this.#expressions.list() : []
    const locals = names.map((name) => tokens.declare(name))
    return node({ kind: 'local', locals, values }, line, deepest(values))
  }

  #return(line: number): Statement {
    const isEmpty = this.#endsBlock() || this.#tokens.is(';')
    const values = isEmpty ? [] : this.#expressions.list()
    return node({ kind: 'return', values }, line, deepest(values))
  }

  #expressionStatement(line: number): Statement {
    const tokens = this.#tokens
    const first = this.#expressions.suffixed()
    if (first.kind === 'call' || first.kind === 'method')
      return node({ kind: 'call', call: first }, line, first.depth)
    const targets = [this.#target(first)]
    while (tokens.accept(',')) targets.push(this.#target(this.#expressions.suffixed()))
    tokens.expect('=')
    const values = this.#expressions.list()
    return node({ kind: 'assign', targets, values }, line, deepest([...targets, ...values]))
  }

  #target(expression: Expression): Expression {
    const { kind } = expression
    if (!['local', 'upvalue', 'global', 'index'].includes(kind)) this.#tokens.fail('syntax error')
    return expression
  }

  #body(hasSelf: boolean, line: number): FunctionBody {
    const tokens = this.#tokens
    const outer = tokens.scope
    const scope = new FunctionScope(outer, line)
    tokens.scope = scope
    const parameters = this.#parameters(hasSelf)
    const body = this.block()
    tokens.expectClose('end', 'function', line)
    tokens.scope = outer
    const { isVariadic, upvalues, slotCount } = scope
    return { line, parameters, isVariadic, upvalues, slotCount, body }
  }

  #parameters(hasSelf: boolean): Local[] {
    const tokens = this.#tokens
    const parameters = hasSelf ? [tokens.declare('self')] : []
    tokens.expect('(')
    if (tokens.accept(')')) return parameters
    do {
      if (tokens.accept('...')) {
        tokens.scope.isVariadic = true
        break
      }
      if (tokens.token.kind !== 'name') tokens.fail("<name> or '...' expected")
      parameters.push(tokens.declare(tokens.name()))
    } while (tokens.accept(','))
    tokens.expect(')')
    return parameters
  }
}

function deepest(parts: readonly { readonly depth: number }[]): number {
  let depth = 0
  for (const part of parts) if (part.depth > depth) depth = part.depth
  return depth
}

function node(shape: StatementShape, line: number, below: number): Statement {
  return { ...shape, line, depth: below + 1 } as Statement
}
