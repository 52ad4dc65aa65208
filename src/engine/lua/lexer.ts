/**
 * Splits the text of a Lua 5.1 program into tokens. A program that is none ends in a SyntaxFailure with Lua's words.
 */
import { parseNumber } from './numbers.ts'

/** What is wrong with a program; the message begins with its place, as in Lua. */
export class SyntaxFailure extends Error {}

export type TokenKind = 'name' | 'number' | 'string' | 'keyword' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The word or symbol; of a string its bytes. */
  readonly text: string
  readonly number: number
  readonly line: number
  /** How error texts quote it. */
  readonly raw: string
}

const KEYWORDS = new Set(
  (
    'and break do else elseif end false for function if in local nil not or repeat return then true until ' +
    'while'
  ).split(' '),
)
const SYMBOLS = ['...', '..', '==', '~=', '<=', '>=', ...'+-*/%^#<>=(){}[];:,.']
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}
/** How much of a token an error text shows. */
const QUOTED_MAX = 80

export class Lexer {
  readonly #source: string
  readonly #chunk: string
  #at = 0
  #line = 1

  /** `chunk` is the program's name in error texts. */
  constructor(source: string, chunk: string) {
    this.#source = source
    this.#chunk = chunk
  }

  next(): Token {
    this.#skipSpace()
    const char = this.#source[this.#at]
    if (char === undefined) return this.#token('end', '<eof>', '<eof>')
    if (/[A-Za-z_]/.test(char)) {
      const word = this.#take(/\w*/y)
      return this.#token(KEYWORDS.has(word) ? 'keyword' : 'name', word, word)
    }
    if (/\d/.test(char) || (char === '.' && /\d/.test(this.#source[this.#at + 1] ?? '')))
      return this.#number()
    if (char === '"' || char === "'") return this.#quoted(char)
    if (char === '[') {
      const level = this.#longLevel()
      if (level >= 0) return this.#long(level)
      if (this.#source[this.#at + 1] === '=') this.fail('invalid long string delimiter', '[=')
    }
    const symbol = SYMBOLS.find((text) => this.#source.startsWith(text, this.#at))
    if (symbol === undefined) return this.#stray(char)
    this.#at += symbol.length
    return this.#token('symbol', symbol, symbol)
  }

  fail(message: string, near: string | null, line = this.#line): never {
    const place = near === null ? '' : ` near '${near.slice(0, QUOTED_MAX)}'`
    throw new SyntaxFailure(`${this.#chunk}:${line}: ${message}${place}`)
  }

  /** A character that begins no token is a token of its own; the parser refuses it. */
  #stray(char: string): Token {
    this.#at++
    const code = char.charCodeAt(0)
    return this.#token('symbol', char, code < 32 || code === 127 ? `char(${code})` : char)
  }

  #token(kind: TokenKind, text: string, raw: string, number = 0): Token {
    return { kind, text, raw, number, line: this.#line }
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#source)?.[0] ?? ''
    this.#at += text.length
    return text
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#source[this.#at]
      if (char === '\n' || char === '\r') this.#lineEnd()
      else if (char === ' ' || char === '\t' || char === '\v' || char === '\f') this.#at++
      else if (char === '-' && this.#source[this.#at + 1] === '-') this.#comment()
      else return
    }
  }

  /** \r\n and \n\r are one. */
  #lineEnd(): void {
    const char = this.#source[this.#at++]
    const other = this.#source[this.#at]
    if ((other === '\n' || other === '\r') && other !== char) this.#at++
    this.#line++
  }

  #comment(): void {
    this.#at += 2
    const level = this.#source[this.#at] === '[' ? this.#longLevel() : -1
    if (level >= 0) this.#long(level, 'comment')
    else this.#take(/[^\r\n]*/y)
  }

  /** How many '=' a long bracket has here; -1 when there is none. */
  #longLevel(): number {
    let at = this.#at + 1
    while (this.#source[at] === '=') at++
    return this.#source[at] === '[' ? at - this.#at - 1 : -1
  }

  #long(level: number, what = 'string'): Token {
    const start = this.#at
    this.#at += level + 2
    if (/[\r\n]/.test(this.#source[this.#at] ?? '')) this.#lineEnd()
    const close = `]${'='.repeat(level)}]`
    const from = this.#at
    const found = this.#source.indexOf(close, from)
    const end = found < 0 ? this.#source.length : found
    while (this.#at < end) {
      if (/[\r\n]/.test(this.#source[this.#at] as string)) this.#lineEnd()
      else this.#at++
    }
    if (found < 0) this.fail(`unfinished long ${what}`, '<eof>')
    this.#at = end + close.length
    const value = this.#source.slice(from, end).replace(/\r\n|\n\r|\r|\n/g, '\n')
    return this.#token('string', value, this.#source.slice(start, this.#at))
  }

  #number(): Token {
    let word = this.#take(/[\d.]*/y)
    if (/^[eE]$/.test(this.#source[this.#at] ?? '')) word += this.#take(/[eE][+-]?/y)
    word += this.#take(/\w*/y)
    const value = parseNumber(word)
    if (value === undefined) return this.fail('malformed number', word)
    return this.#token('number', word, word, value)
  }

  #quoted(quote: string): Token {
    const from = this.#at++
    let text = ''
    for (;;) {
      text += this.#take(quote === '"' ? /[^"\\\r\n]*/y : /[^'\\\r\n]*/y)
      const char = this.#source[this.#at]
      if (char === undefined) return this.fail('unfinished string', '<eof>')
      if (char === '\r' || char === '\n') {
        return this.fail('unfinished string', this.#source.slice(from, this.#at))
      }
      this.#at++
      if (char === quote) return this.#token('string', text, this.#source.slice(from, this.#at))
      text += this.#escape(quote + text)
    }
  }

  #escape(before: string): string {
    const char = this.#source[this.#at]
    if (char === undefined) return ''
    if (char === '\n' || char === '\r') {
      this.#lineEnd()
      return '\n'
    }
    if (/\d/.test(char)) {
      const code = Number(this.#take(/\d{1,3}/y))
      if (code > 255) this.fail('escape sequence too large', before)
      return String.fromCharCode(code)
    }
    this.#at++
    return ESCAPES[char] ?? char
  }
}
