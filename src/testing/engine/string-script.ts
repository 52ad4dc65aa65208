/**
 * Random commands on strings, bits, keys and databases for comparisons with a real redis-server, the odd ones
 * included. Times are far away or past, and OBJECT is left out: see engine/differential.strings.test.ts.
 */
import { SeededRandom } from '../../lib/random.ts'
import type { Word } from './engine-client.ts'

const KEYS = ['a', 'b', 'c', 'd', 'n', '\0\xff']
const INTEGERS = ['0', '1', '-1', '2', '3', '5', '-2', '-7', '12', '100', '-100', '7', '8', '9', '15']
const ODD_INTEGERS = [
  'x',
  '',
  '1.5',
  ' 1',
  '+1',
  '01',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775806',
  '-9223372036854775807',
  '9223372036854775808',
  '4294967296',
  '2147483648',
  '-2147483649',
]
const FLOATS = [
  '0.1',
  '-0.1',
  '3.0e3',
  '1e-17',
  '5e-18',
  '1.5',
  '.5',
  '5.',
  '+2',
  '-0',
  '0x1.8p3',
  'inf',
  '-Infinity',
  'nan',
  '1e400',
  '1e-5000',
  '1e5000',
  '0e99999',
  '1e',
  ' 1',
  '1 ',
  '0x',
  '1\x000',
]
const VALUES = [
  '',
  'abc',
  'hello world',
  '\xff\xff\xff',
  '\0\0',
  '\xf0',
  'ohmytext',
  'mynewtext',
  '10',
  '3.14',
]
const TYPES = ['i8', 'u8', 'i5', 'u1', 'i64', 'u63', 'u2', 'i16', 'u33', 'i1']
const ODD_TYPES = ['u64', 'i65', 'i0', 'x8', 'i', '', 'U8', 'i08', 'i8\0x']
const EXPIRY_FLAGS = ['NX', 'XX', 'GT', 'LT', 'gt', 'nope']
/** Sent with any number of arguments. */
const NAMES = [
  'SETNX',
  'SETEX',
  'GETSET',
  'GETDEL',
  'GETEX',
  'MSETNX',
  'APPEND',
  'STRLEN',
  'GETRANGE',
  'SETRANGE',
  'INCRBYFLOAT',
  'UNLINK',
  'TOUCH',
  'EXPIREAT',
  'RENAME',
  'COPY',
  'MOVE',
  'SETBIT',
  'GETBIT',
  'BITCOUNT',
  'BITPOS',
  'BITOP',
  'BITFIELD',
  'BITFIELD_RO',
  'LCS',
  'SWAPDB',
]

/** A stream of commands; the same seed gives the same ones. */
export class StringScript {
  readonly #random: SeededRandom
  readonly #makers: readonly (() => Word[])[]

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#makers = [...this.#strings(), ...this.#keys(), ...this.#bits()]
  }

  /** One of the first four databases. */
  database(): number {
    return this.below(4)
  }

  below(bound: number): number {
    return this.#random.below(bound)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }

  command(): Word[] {
    if (this.below(25) === 0) return [this.pick(NAMES), ...this.times(5, this.#key)]
    return this.pick(this.#makers)()
  }

  /** A number as INCRBYFLOAT may get it, sound ones for the most part. */
  float(): string {
    if (this.below(4) === 0) return this.pick([...FLOATS, ...INTEGERS, ...ODD_INTEGERS])
    const digits = () => String(this.below(2 ** 31)).slice(0, 1 + this.below(10))
    const fraction = this.below(3) > 0 ? `.${digits()}${this.below(2) === 0 ? digits() : ''}` : ''
    const power = this.below(4) === 0 ? `e${this.below(60) - 30}` : ''
    return `${this.pick(['', '', '-', '+'])}${digits()}${fraction}${power}`
  }

  readonly #key = (): string => this.pick(KEYS)

  readonly #value = (): string => {
    if (this.below(3) > 0) return this.pick(VALUES)
    return this.times(12, () => String.fromCharCode(this.below(256))).join('')
  }

  readonly #integer = (): string => this.pick(this.below(8) === 0 ? ODD_INTEGERS : INTEGERS)

  /** Far enough apart that the two clocks do not decide what GT and LT say. */
  #duration(inSeconds: boolean): string {
    if (this.below(4) === 0) return this.pick(['0', '-1', 'x', '1.5', '9223372036854775807'])
    const seconds = 1_000 + 20 * this.below(100_000)
    return String(inSeconds ? seconds : seconds * 1_000)
  }

  #time(inSeconds: boolean): string {
    if (this.below(4) === 0) return this.pick(['1', '0', '-5', 'nan', '-9223372036854775807'])
    const seconds = 99_999_990_000 + this.below(10)
    return String(inSeconds ? seconds : seconds * 1_000)
  }

  #expiryOption(): string[] {
    const word = this.pick(['EX', 'px', 'EXAT', 'PXAT', 'PERSIST', 'bad', 'KEEPTTL'])
    if (word === 'EX' || word === 'px') return [word, this.#duration(word === 'EX')]
    if (word.endsWith('AT') && this.below(10) > 0) return [word, this.#time(word === 'EXAT')]
    return [word]
  }

  #strings(): (() => Word[])[] {
    const [key, value, integer] = [this.#key, this.#value, this.#integer]
    return [
      () => ['SET', key(), value()],
      () => ['SET', key(), this.float()],
      () => ['GET', key()],
      () => ['SETNX', key(), value()],
      () => ['SETEX', key(), this.#duration(true), value()],
      () => ['PSETEX', key(), this.#duration(false), value()],
      () => ['GETSET', key(), value()],
      () => ['GETDEL', key()],
      () => ['GETEX', key(), ...this.times(2, () => this.#expiryOption()).flat()],
      () => ['MSETNX', key(), value(), ...this.times(1, () => [key(), value()]).flat()],
      () => ['APPEND', key(), value()],
      () => ['STRLEN', key()],
      () => [this.pick(['GETRANGE', 'SUBSTR']), key(), integer(), integer()],
      () => ['SETRANGE', key(), this.pick(['0', '1', '5', '30', '-1', 'x', '99999999999']), value()],
      () => ['INCRBYFLOAT', key(), this.float()],
      () => ['LCS', key(), key(), ...this.times(3, () => this.#lcsOption()).flat()],
    ]
  }

  #lcsOption(): string[] {
    const word = this.pick(['IDX', 'LEN', 'WITHMATCHLEN', 'MINMATCHLEN', 'idx', 'no'])
    return word === 'MINMATCHLEN' && this.below(6) > 0 ? [word, this.#integer()] : [word]
  }

  #keys(): (() => Word[])[] {
    const key = this.#key
    const database = () => this.pick(['0', '1', '2', '3', '1', '2', '16', '-1', 'x', '99999999999'])
    const flags = () => this.times(2, () => this.pick(EXPIRY_FLAGS))
    const copyOption = () => this.pick([['DB', database()], ['REPLACE'], ['replace'], ['DB'], ['no']])
    return [
      () => ['UNLINK', key(), ...this.times(2, key)],
      () => ['TOUCH', key(), ...this.times(2, key)],
      () => ['EXPIREAT', key(), this.#time(true), ...flags()],
      () => ['PEXPIREAT', key(), this.#time(false), ...flags()],
      () => [this.pick(['EXPIRETIME', 'PEXPIRETIME', 'TTL', 'PTTL']), key()],
      () => ['PERSIST', key()],
      () => ['RENAME', key(), key()],
      () => ['RENAMENX', key(), key()],
      () => ['COPY', key(), key(), ...this.times(2, copyOption).flat()],
      () => ['MOVE', key(), database()],
      () => ['SWAPDB', database(), database()],
      () =>
        this.below(6) === 0
          ? ['FLUSHDB', ...this.times(1, () => this.pick(['async', 'no']))]
          : ['GET', key()],
    ]
  }

  #bits(): (() => Word[])[] {
    const [key, integer] = [this.#key, this.#integer]
    const offset = () => this.pick(['0', '1', '7', '8', '9', '23', '100', '-1', 'x', '134217728', '#1'])
    const bit = () => this.pick(['0', '1', '1', '0', '2', 'x', '-1'])
    const unit = () => this.pick(['BIT', 'BYTE', 'bit', 'no'])
    const range = () => [integer(), integer(), ...this.times(1, unit)]
    return [
      () => ['SETBIT', key(), offset(), bit()],
      () => ['GETBIT', key(), offset()],
      () => ['BITCOUNT', key(), ...this.pick([() => [], range, range, () => [integer()]])()],
      () => ['BITPOS', key(), bit(), ...this.pick([() => [], range, range, () => [integer()]])()],
      () => ['BITOP', this.pick(['AND', 'or', 'XOR', 'no']), key(), key(), ...this.times(2, key)],
      () => ['BITOP', 'NOT', key(), key(), ...(this.below(8) === 0 ? [key()] : [])],
      () => ['BITFIELD', key(), ...this.times(4, () => this.#fieldOperation()).flat()],
      () => ['BITFIELD_RO', key(), ...this.times(2, () => this.#fieldRead()).flat()],
    ]
  }

  #place(): string[] {
    const type = this.pick(this.below(12) === 0 ? ODD_TYPES : TYPES)
    const odd = ['-1', '#-1', 'x', '134217728', '#99999999999']
    return [type, this.pick(this.below(12) === 0 ? odd : ['0', '1', '3', '8', '#0', '#1', '#2', '40'])]
  }

  #fieldRead(): string[] {
    return this.below(12) === 0 ? this.#fieldOperation() : ['GET', ...this.#place()]
  }

  #fieldOperation(): string[] {
    const amount = () => this.pick(['1', '-1', '100', '255', '-129', '9223372036854775807', this.#integer()])
    return this.pick([
      () => ['GET', ...this.#place()],
      () => ['SET', ...this.#place(), amount()],
      () => ['INCRBY', ...this.#place(), amount()],
      () => ['incrby', ...this.#place(), amount()],
      () => ['OVERFLOW', this.pick(['WRAP', 'SAT', 'FAIL', 'sat', 'no'])],
    ])()
  }
}
