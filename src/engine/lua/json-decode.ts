/** cjson.decode(): JSON text as values, with the errors of lua-cjson 2.1. */
import { JSON_WEIGHT, type JsonSettings } from './json-encode.ts'
import type { Machine } from './machine.ts'
import { parseNumber } from './numbers.ts'
import type { LuaTable } from './table.ts'
import type { LightUserdata, LuaValue } from './values.ts'

type TokenKind =
  | 'object begin'
  | 'object end'
  | 'array begin'
  | 'array end'
  | 'string'
  | 'number'
  | 'boolean'
  | 'null'
  | 'colon'
  | 'comma'
  | 'end'
  | 'invalid'

interface Token {
  readonly kind: TokenKind
  readonly value: LuaValue
  /** Where it begins, from 0. */
  readonly at: number
}

/** What error texts call a token. */
const NAMES: Readonly<Record<TokenKind, string>> = {
  'object begin': 'T_OBJ_BEGIN',
  'object end': 'T_OBJ_END',
  'array begin': 'T_ARR_BEGIN',
  'array end': 'T_ARR_END',
  string: 'T_STRING',
  number: 'T_NUMBER',
  boolean: 'T_BOOLEAN',
  null: 'T_NULL',
  colon: 'T_COLON',
  comma: 'T_COMMA',
  end: 'T_END',
  invalid: 'invalid token',
}
const SIGNS: Readonly<Record<string, TokenKind>> = {
  '{': 'object begin',
  '}': 'object end',
  '[': 'array begin',
  ']': 'array end',
  ':': 'colon',
  ',': 'comma',
}
const WORDS: readonly (readonly [string, TokenKind, LuaValue])[] = [
  ['true', 'boolean', true],
  ['false', 'boolean', false],
  ['null', 'null', undefined],
]
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Characters that count for a step wherever they are, and what these parts count for besides. */
const CHARS_PER_STEP = 8
const TOKEN_STEPS = 3
const NUMBER_STEPS = 10
const ESCAPE_STEPS = 8

export class JsonDecoder {
  readonly #machine: Machine
  readonly #settings: JsonSettings
  readonly #text: string
  readonly #null: LightUserdata
  #at = 0
  #problem = ''

  /** `nothing` stands for null inside tables, which cannot hold nil. */
  constructor(machine: Machine, settings: JsonSettings, text: string, nothing: LightUserdata) {
    this.#machine = machine
    this.#settings = settings
    this.#text = text
    this.#null = nothing
  }

  decode(): LuaValue {
    this.#machine.spend(this.#text.length / CHARS_PER_STEP)
    // Text of UTF-16 or UTF-32 is told by its zero bytes.
    if (this.#text.length >= 2 && (this.#text[0] === '\0' || this.#text[1] === '\0')) {
      this.#machine.raise('JSON parser does not support UTF-16 or UTF-32')
    }
    const value = this.#value(this.#next(), 0)
    const rest = this.#next()
    if (rest.kind !== 'end') this.#expected('the end', rest)
    return value
  }

  #value(token: Token, depth: number): LuaValue {
    switch (token.kind) {
      case 'string':
      case 'number':
      case 'boolean':
        return token.value
      case 'null':
        return this.#null
      case 'object begin':
        return this.#nested(depth, () => this.#object(depth + 1))
      case 'array begin':
        return this.#nested(depth, () => this.#array(depth + 1))
      default:
        return this.#expected('value', token)
    }
  }

  #nested(depth: number, parse: () => LuaTable): LuaTable {
    if (depth + 1 > this.#settings.decodeDepth) {
      this.#machine.raise(`Found too many nested data structures (${depth + 1}) at character ${this.#at}`)
    }
    this.#machine.enter(JSON_WEIGHT)
    const table = parse()
    this.#machine.leave(JSON_WEIGHT)
    return table
  }

  #object(depth: number): LuaTable {
    const table = this.#machine.newTable()
    let token = this.#next()
    if (token.kind === 'object end') return table
    for (;;) {
      if (token.kind !== 'string') this.#expected('object key string', token)
      const key = token.value
      token = this.#next()
      if (token.kind !== 'colon') this.#expected('colon', token)
      this.#machine.rawSet(table, key, this.#value(this.#next(), depth))
      token = this.#next()
      if (token.kind === 'object end') return table
      if (token.kind !== 'comma') this.#expected('comma or object end', token)
      token = this.#next()
    }
  }

  #array(depth: number): LuaTable {
    const table = this.#machine.newTable()
    let token = this.#next()
    if (token.kind === 'array end') return table
    for (let i = 1; ; i++) {
      this.#machine.rawSet(table, i, this.#value(token, depth))
      token = this.#next()
      if (token.kind === 'array end') return table
      if (token.kind !== 'comma') this.#expected('comma or array end', token)
      token = this.#next()
    }
  }

  #expected(wanted: string, token: Token): never {
    const found = token.kind === 'invalid' ? this.#problem : NAMES[token.kind]
    return this.#machine.raise(`Expected ${wanted} but found ${found} at character ${token.at + 1}`)
  }

  #next(): Token {
    const text = this.#text
    while (isSpace(text.charCodeAt(this.#at))) this.#at++
    this.#machine.spend(TOKEN_STEPS)
    const at = this.#at
    const char = text[at]
    if (char === undefined) return { kind: 'end', value: undefined, at }
    const sign = SIGNS[char]
    if (sign !== undefined) {
      this.#at++
      return { kind: sign, value: undefined, at }
    }
    if (char === '"') return this.#string()
    if (char === '-' || (char >= '0' && char <= '9')) return this.#number()
    for (const [word, kind, value] of WORDS) {
      if (!text.startsWith(word, at)) continue
      this.#at += word.length
      return { kind, value, at }
    }
    const isNumber = this.#settings.decodeInvalid && /^(inf|nan)/i.test(text.slice(at, at + 3))
    return isNumber ? this.#number() : this.#invalid('invalid token', at)
  }

  #invalid(problem: string, at: number): Token {
    this.#problem = problem
    return { kind: 'invalid', value: undefined, at }
  }

  #number(): Token {
    this.#machine.spend(NUMBER_STEPS)
    const at = this.#at
    const pattern =
      /[+-]?(?:inf(?:inity)?|nan|0x[0-9a-f]*\.?[0-9a-f]*(?:p[+-]?\d+)?|\d*\.?\d*(?:e[+-]?\d+)?)/iy
    pattern.lastIndex = at
    const word = pattern.exec(this.#text)?.[0] ?? ''
    const isPlain = /^-?(0|[1-9]\d*|0?\.\d+|(0|[1-9]\d*)\.\d*)([e.]|$)/i.test(word)
    if (!isPlain && !this.#settings.decodeInvalid) return this.#invalid('invalid number', at)
    const value = parseNumber(word)
    if (value === undefined) return this.#invalid('invalid number', at)
    this.#at += word.length
    return { kind: 'number', value, at }
  }

  #string(): Token {
    const start = this.#at
    const parts: string[] = []
    let at = start + 1
    for (;;) {
      const plain = /[^"\\]*/y
      plain.lastIndex = at
      const run = plain.exec(this.#text)?.[0] ?? ''
      parts.push(run)
      at += run.length
      const char = this.#text[at]
      if (char === undefined) return this.#invalid('unexpected end of string', at)
      if (char === '"') break
      const escaped = this.#escape(at)
      if (escaped === null) {
        const isUnicode = this.#text[at + 1] === 'u'
        return this.#invalid(isUnicode ? 'invalid unicode escape code' : 'invalid escape code', at)
      }
      parts.push(escaped.text)
      at += escaped.length
    }
    this.#at = at + 1
    const value = parts.join('')
    this.#machine.allocate(value.length)
    return { kind: 'string', value, at: start }
  }

  #escape(at: number): { text: string; length: number } | null {
    this.#machine.spend(ESCAPE_STEPS)
    const char = this.#text[at + 1] ?? ''
    if (char !== 'u') {
      const text = ESCAPES[char]
      return text === undefined ? null : { text, length: 2 }
    }
    const high = this.#unit(at)
    if (high === null) return null
    if (high < 0xd800 || high > 0xdfff) return { text: utf8(high), length: 6 }
    const low = this.#unit(at + 6)
    if (high >= 0xdc00 || low === null || low < 0xdc00 || low > 0xdfff) return null
    return { text: utf8(0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff)), length: 12 }
  }

  #unit(at: number): number | null {
    const match = /^\\u([0-9a-f]{4})$/i.exec(this.#text.slice(at, at + 6))
    return match === null ? null : Number.parseInt(match[1] ?? '', 16)
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}

/** The bytes of a code point. */
function utf8(code: number): string {
  if (code < 0x80) return String.fromCharCode(code)
  const tail = (shift: number): number => 0x80 | ((code >> shift) & 0x3f)
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), tail(0))
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), tail(6), tail(0))
  return String.fromCharCode(0xf0 | (code >> 18), tail(12), tail(6), tail(0))
}
