/** Expressions of Lua 5.1, by precedence climbing. */
import type { Arithmetic, Comparison, Expression, ExpressionShape, FunctionBody, TableItem } from './ast.ts'
import { NESTING_MAX, type Tokens } from './tokens.ts'

/** How strongly each operator binds to what is on its left and right. */
const PRIORITIES: Readonly<Record<string, readonly [left: number, right: number]>> = {
  or: [1, 1],
  and: [2, 2],
  '<': [3, 3],
  '>': [3, 3],
  '<=': [3, 3],
  '>=': [3, 3],
  '~=': [3, 3],
  '==': [3, 3],
  '..': [5, 5],
  '+': [6, 6],
  '-': [6, 6],
  '*': [7, 7],
  '/': [7, 7],
  '%': [7, 7],
  '^': [10, 9],
}
const UNARY_PRIORITY = 8
const UNARY = ['not', '-', '#'] as const
/** Steps of a power beyond those of other operators: it is made of many. */
const POWER_COST = 20
/** What one call or constructor may hold. */
const ITEMS_MAX = 10_000

/** Parses the parameters and body of a function, from '(' on; given by the statement parser. */
export type ParseBody = (hasSelf: boolean, line: number) => FunctionBody

export class ExpressionParser {
  readonly #tokens: Tokens
  readonly #parseBody: ParseBody

  constructor(tokens: Tokens, parseBody: ParseBody) {
    this.#tokens = tokens
    this.#parseBody = parseBody
  }

  expression(): Expression {
    return this.#binary(0)
  }

  /** One or more, separated by commas. */
  list(): Expression[] {
    const found = [this.expression()]
    while (this.#tokens.accept(',')) found.push(this.#bounded(found.length, this.expression()))
    return found
  }

  /** A name with everything that hangs on it: fields, indexes, calls. */
  suffixed(): Expression {
    const tokens = this.#tokens
    let found = this.#primary()
    for (;;) {
      const { token } = tokens
      if (tokens.accept('.')) found = this.#index(found, this.constant(tokens.name()))
      else if (tokens.accept('[')) {
        const key = this.expression()
        tokens.expect(']')
        found = this.#index(found, key)
      } else if (tokens.accept(':')) {
        const name = tokens.name()
        const { line, args } = this.#arguments()
        found = this.#node({ kind: 'method', object: found, name, args }, [found, ...args], line)
      } else if (tokens.is('(') || tokens.is('{') || token.kind === 'string') {
        const { line, args } = this.#arguments()
        found = this.#node({ kind: 'call', callee: found, args }, [found, ...args], line)
      } else return found
    }
  }

  named(name: string): Expression {
    const resolved = this.#tokens.scope.resolve(name)
    this.#tokens.checkUpvalues()
    if (resolved.kind === 'local') return this.#node({ kind: 'local', local: resolved.local })
    if (resolved.kind === 'global') return this.#node({ kind: 'global', name })
    return this.#node({ kind: 'upvalue', index: resolved.index, name })
  }

  constant(value: undefined | boolean | number | string): Expression {
    return this.#node({ kind: 'constant', value })
  }

  /** A function literal, from its '(' on. */
  functionLiteral(hasSelf: boolean, line: number): Expression {
    return this.#node({ kind: 'function', body: this.#parseBody(hasSelf, line) }, [], line)
  }

  field(object: Expression, name: string): Expression {
    return this.#index(object, this.constant(name))
  }

  #binary(limit: number): Expression {
    return this.#tokens.nested(() => {
      let left = this.#operand()
      for (;;) {
        const operator = this.#operator()
        const priority = operator === null ? undefined : PRIORITIES[operator]
        if (operator === null || priority === undefined || priority[0] <= limit) return left
        left = operator === '..' ? this.#concat(left) : this.#combine(operator, left, priority[1])
      }
    })
  }

  #operator(): string | null {
    const { kind, text } = this.#tokens.token
    return kind === 'symbol' || kind === 'keyword' ? text : null
  }

  #combine(operator: string, left: Expression, priority: number): Expression {
    this.#tokens.advance()
    if (operator === '^') this.#tokens.cost += POWER_COST
    const right = this.#binary(priority)
    if (operator === 'and' || operator === 'or')
      return this.#node({ kind: operator, left, right }, [left, right])
    return this.#node({ kind: 'binary', operator: operator as Arithmetic | Comparison, left, right }, [
      left,
      right,
    ])
  }

  /** A chain of .. is one node: however long, it is not deep. */
  #concat(left: Expression): Expression {
    const parts = [left]
    while (this.#tokens.accept('..')) parts.push(this.#bounded(parts.length, this.#binary(5)))
    return this.#node({ kind: 'concat', parts }, parts)
  }

  #operand(): Expression {
    const tokens = this.#tokens
    const operator = UNARY.find((text) => tokens.is(text))
    if (operator === undefined) return this.#simple()
    tokens.advance()
    const operand = this.#binary(UNARY_PRIORITY)
    return this.#node({ kind: 'unary', operator, operand }, [operand])
  }

  #simple(): Expression {
    const tokens = this.#tokens
    const { kind, text, number, line } = tokens.token
    if (kind === 'number' || kind === 'string') {
      tokens.advance()
      return this.constant(kind === 'number' ? number : text)
    }
    if (tokens.accept('nil')) return this.constant(undefined)
    if (tokens.is('true') || tokens.is('false')) return this.constant(tokens.advance().text === 'true')
    if (tokens.is('...')) {
      if (!tokens.scope.isVariadic) tokens.fail("cannot use '...' outside a vararg function")
      tokens.advance()
      return this.#node({ kind: 'varargs' })
    }
    if (tokens.is('{')) return this.#table()
    if (tokens.accept('function')) return this.functionLiteral(false, line)
    return this.suffixed()
  }

  #primary(): Expression {
    const tokens = this.#tokens
    const { kind, line } = tokens.token
    if (tokens.accept('(')) {
      const inner = this.expression()
      tokens.expectClose(')', '(', line)
      return this.#node({ kind: 'paren', inner }, [inner])
    }
    if (kind !== 'name') return tokens.fail('unexpected symbol')
    return this.named(tokens.advance().text)
  }

  #arguments(): { line: number; args: Expression[] } {
    const tokens = this.#tokens
    const { kind, text, line } = tokens.token
    if (kind === 'string') {
      tokens.advance()
      return { line, args: [this.constant(text)] }
    }
    if (tokens.is('{')) return { line, args: [this.#table()] }
    if (!tokens.is('(')) return tokens.fail('function arguments expected')
    if (line !== tokens.lastLine) tokens.fail('ambiguous syntax (function call x new statement)')
    tokens.advance()
    if (tokens.accept(')')) return { line, args: [] }
    const args = this.list()
    tokens.expectClose(')', '(', line)
    return { line, args }
  }

  #table(): Expression {
    const tokens = this.#tokens
    const { line } = tokens.token
    tokens.expect('{')
    const items: TableItem[] = []
    while (!tokens.is('}')) {
      items.push(this.#item())
      this.#bounded(items.length, null)
      if (!tokens.accept(',') && !tokens.accept(';')) break
    }
    tokens.expectClose('}', '{', line)
    const inner = items.flatMap(({ key, value }) => (key === null ? [value] : [key, value]))
    return this.#node({ kind: 'table', items }, inner, line)
  }

  #item(): TableItem {
    const tokens = this.#tokens
    if (tokens.token.kind === 'name' && tokens.peek().text === '=' && tokens.peek().kind === 'symbol') {
      const key = this.constant(tokens.name())
      tokens.expect('=')
      return { key, value: this.expression() }
    }
    if (!tokens.accept('[')) return { key: null, value: this.expression() }
    const key = this.expression()
    tokens.expect(']')
    tokens.expect('=')
    return { key, value: this.expression() }
  }

  #index(object: Expression, key: Expression): Expression {
    return this.#node({ kind: 'index', object, key }, [object, key])
  }

  #bounded<T>(count: number, item: T): T {
    if (count > ITEMS_MAX) this.#tokens.tooMany(ITEMS_MAX, 'items in a list')
    return item
  }

  #node(shape: ExpressionShape, inner: readonly Expression[] = [], line = this.#tokens.lastLine): Expression {
    let depth = 0
    for (const { depth: below } of inner) if (below > depth) depth = below
    if (++depth > NESTING_MAX) this.#tokens.tooDeep()
    this.#tokens.cost++
    return { ...shape, line, depth } as Expression
  }
}
