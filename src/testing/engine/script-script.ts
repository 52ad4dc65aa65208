/** Random small scripts for differential runs: they compute, branch, loop, call commands and fail in the middle. */
import { SeededRandom } from '../../lib/random.ts'
import type { Word } from './engine-client.ts'

const KEYS = ['a', 'b', 'c', 'n', 'm']
const VALUES = ['1', '2.5', 'text', '', '-7', '10', 'x y', '9007199254740993']

/** Addresses of tables are nobody's business. */
const PRELUDE = `local x, y, t = 1, "s", {}
local function text(v) return type(v) == "table" and "table" or tostring(v) end`

export class ScriptScript {
  readonly #random: SeededRandom
  #depth = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  /** The words of an EVAL with two keys and two arguments. */
  command(): Word[] {
    const keys = [this.#of(KEYS), this.#of(KEYS)]
    return ['EVAL', this.script(), '2', ...keys, this.#of(VALUES), this.#of(VALUES)]
  }

  script(): string {
    const lines = Array.from({ length: 1 + this.#below(5) }, () => this.#statement())
    return [PRELUDE, ...lines, `return ${this.#result()}`].join('\n')
  }

  #statement(): string {
    if (++this.#depth > 4) {
      this.#depth--
      return 'x = x + 1'
    }
    const made = this.#pick([
      () => `x = ${this.#value()}`,
      () => `y = ${this.#value()}`,
      () => `t[#t + 1] = ${this.#value()}`,
      () => `t[${this.#below(4)}] = ${this.#value()}`,
      () => this.#call('call'),
      () => `x = ${this.#call('pcall')}`,
      () => `if ${this.#test()} then\n${this.#statement()}\nelse\n${this.#statement()}\nend`,
      () => `for i = 1, ${this.#below(6)} do\n${this.#statement()}\nend`,
      () => `for i, v in ipairs({unpack(t)}) do\ny = text(v)\n${this.#statement()}\nend`,
      () => `local ok, e = pcall(function()\n${this.#statement()}\nend) y = text(ok) .. text(e)`,
      () =>
        `local function f(a, ...)\n${this.#statement()}\nreturn a, ...\nend x, y = f(${this.#value()}, 2)`,
      () => `y = string.format("%s|%5.2f|%d", text(x), ${this.#number()}, ${this.#number()})`,
      () =>
        `y = string.gsub(text(y):sub(1, 20), "${this.#of(['%w', '.', 's+', '[a-z]*', '(t)(e)', '^.', '$'])}", "<%0>")`,
    ])
    this.#depth--
    return made
  }

  #call(kind: string): string {
    const key = this.#key()
    return `redis.${kind}(${this.#pick([
      () => `"get", ${key}`,
      () => `"set", ${key}, ${this.#argument()}`,
      () => `"incr", ${key}`,
      () => `"incrby", ${key}, ${this.#number()}`,
      () => `"incrbyfloat", ${key}, ${this.#number()}`,
      () => `"append", ${key}, ${this.#argument()}`,
      () => `"del", ${key}`,
      () => `"exists", ${key}, ${this.#key()}`,
      () => `"mget", ${key}, ${this.#key()}`,
      () => `"strlen", ${key}`,
      () => `"getrange", ${key}, 0, ${this.#below(5)}`,
      () => `"setnx", ${key}, ${this.#argument()}`,
      () => `"rename", ${key}, ${this.#key()}`,
      () => `"setbit", ${key}, ${this.#below(20)}, 1`,
      () => '"nosuch"',
      () => `"get"`,
    ])})`
  }

  #value(): string {
    return this.#pick([
      () => this.#number(),
      () => `"${this.#of(VALUES)}"`,
      () =>
        this.#of([
          'true',
          'false',
          'nil',
          'x',
          'y',
          'KEYS[1]',
          'ARGV[1]',
          'ARGV[2]',
          '#t',
          '{}',
          '{1, "b", {3}}',
        ]),
      () =>
        `${this.#of(['x', 'ARGV[1]', this.#number()])} ${this.#of(['+', '-', '*', '/', '%', '^'])} ${this.#number()}`,
      () => `text(${this.#of(['x', 'y', 'nil'])}) .. "${this.#of(VALUES)}"`,
      () => `tonumber(ARGV[${1 + this.#below(2)}])`,
      () => `text(y):sub(${this.#below(4)}, ${this.#below(6)})`,
      () => `(${this.#test()}) and x or y`,
      () => this.#call('call'),
      () => `cjson.encode({${this.#number()}, "${this.#of(VALUES)}"})`,
      () => `select("#", x, y, nil)`,
      () => `math.floor(${this.#number()} / 3)`,
    ])
  }

  #result(): string {
    return this.#pick([
      () => '{x, text(y), #t}',
      () => 't',
      () => 'y',
      () => 'x',
      () => `redis.call("mget", "a", "b", "c", "n", "m")`,
      () => '{text(x), y, false, t}',
      () => `redis.status_reply(text(x))`,
    ])
  }

  #test(): string {
    const sign = this.#of(['==', '~=', '<', '<=', '>', '>='])
    return this.#pick([
      () => `x ${sign} ${this.#number()}`,
      () => `y == "${this.#of(VALUES)}"`,
      () => `redis.call("exists", ${this.#key()}) == 1`,
      () => 'not x',
      () => 't[1] and y',
    ])
  }

  #argument(): string {
    return this.#pick([() => this.#number(), () => `"${this.#of(VALUES)}"`, () => 'ARGV[2]', () => 'text(y)'])
  }

  #key(): string {
    return this.#pick([() => 'KEYS[1]', () => 'KEYS[2]', () => `"${this.#of(KEYS)}"`])
  }

  #number(): string {
    return this.#of(['0', '1', '2', '-3', '2.5', '1e3', '0.1', '100', '-0.5', '7'])
  }

  #pick(makers: readonly (() => string)[]): string {
    return (makers[this.#below(makers.length)] as () => string)()
  }

  #of(items: readonly string[]): string {
    return items[this.#below(items.length)] as string
  }

  #below(limit: number): number {
    return this.#random.below(limit)
  }
}
