/** What both halves of the parser stand on: the current token, the next one, nesting, and the scopes of names. */

import type { Local } from './ast.ts'
import { Lexer, type Token } from './lexer.ts'
import { FunctionScope, LOCALS_MAX, UPVALUES_MAX } from './scope.ts'

/** As LUAI_MAXCCALLS: blocks and expressions inside each other, and operands that hang on one another. */
export const NESTING_MAX = 200

export class Tokens {
  readonly #lexer: Lexer
  token: Token
  #ahead: Token | null = null
  /** The line of the last token that was taken. */
  lastLine = 1
  scope = new FunctionScope(null, 0)
  /** Steps of the block being parsed so far. */
  cost = 0
  #nesting = 0

  constructor(source: string, chunk: string) {
    this.#lexer = new Lexer(source, chunk)
    this.token = this.#lexer.next()
  }

  /** Takes the current token. */
  advance(): Token {
    const taken = this.token
    this.lastLine = taken.line
    this.token = this.#ahead ?? this.#lexer.next()
    this.#ahead = null
    return taken
  }

  peek(): Token {
    this.#ahead ??= this.#lexer.next()
    return this.#ahead
  }

  is(text: string): boolean {
    return this.token.text === text && (this.token.kind === 'symbol' || this.token.kind === 'keyword')
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false
    this.advance()
    return true
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`'${text}' expected`)
  }

  /** The end of what `open` began in `line`. */
  expectClose(close: string, open: string, line: number): void {
    if (this.accept(close)) return
    this.fail(
      line === this.token.line
        ? `'${close}' expected`
        : `'${close}' expected (to close '${open}' at line ${line})`,
    )
  }

  name(): string {
    if (this.token.kind !== 'name') this.fail("'<name>' expected")
    return this.advance().text
  }

  fail(message: string): never {
    return this.#lexer.fail(message, this.token.raw, this.token.line)
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.#nesting > NESTING_MAX) this.tooDeep()
    const result = parse()
    this.#nesting--
    return result
  }

  tooDeep(): never {
    return this.#lexer.fail('chunk has too many syntax levels', null, this.lastLine)
  }

  declare(name: string): Local {
    if (this.scope.activeCount >= LOCALS_MAX) this.tooMany(LOCALS_MAX, 'local variables')
    return this.scope.declare(name)
  }

  checkUpvalues(): void {
    if (this.scope.upvalues.length > UPVALUES_MAX) this.tooMany(UPVALUES_MAX, 'upvalues')
  }

  tooMany(limit: number, what: string): never {
    const { line } = this.scope
    const which = line === 0 ? 'main function' : `function at line ${line}`
    return this.#lexer.fail(`${which} has more than ${limit} ${what}`, null, this.lastLine)
  }
}
