/**
 * Random commands for comparisons with a real redis-server, the odd ones included, and what counts as the
 * same answer. Time differs between the two servers by the milliseconds between their clocks, so expiries are
 * far away or past, and times left are compared in seconds.
 */
import assert from 'node:assert/strict'
import { SeededRandom } from '../../lib/random.ts'
import type { Word } from './engine-client.ts'

const KEYS = ['a', 'b', 'c', 'counter', '', 'k\0\r\n\xff', 'long'.repeat(50)]
const NUMBERS = [
  '0',
  '1',
  '-1',
  '7',
  '100',
  '-0',
  '01',
  '+1',
  ' 1',
  '1 ',
  '1.5',
  'x',
  '',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '1000000000000000',
  '999999999999999',
  '9223372036854775807',
  '9223372036854775806',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775807',
  '-9223372036854775809',
  '123456789012345678901234567890',
]
const ODD_DURATIONS = ['0', '-1', '-9223372036854775', 'x', '1.5', '9223372036854775807']
const ODD_TIMES = ['1', '0', '-5', 'nan']
const FAR_SECONDS = '99999999999'
const FAR_MILLISECONDS = '99999999999999'
/** Commands with any number of arguments. DBSIZE comes without: what it counts differs. */
const NAMES = [
  'GET',
  'SET',
  'MSET',
  'INCR',
  'INCRBY',
  'EXPIRE',
  'PERSIST',
  'FLUSHALL',
  'TTL',
  'EXISTS',
  'MGET',
  'TYPE',
]
const EXPIRE_FLAGS = ['NX', 'XX', 'GT', 'LT', 'gt', 'nope']

/** A stream of commands; the same seed gives the same ones. */
export class CommandScript {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T
  }

  times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.#random.below(most + 1) }, make)
  }

  /** Between one and `most` keys. */
  keys(most: number): string[] {
    return [this.pick(KEYS), ...this.times(most - 1, () => this.pick(KEYS))]
  }

  value(): string {
    return this.#random.below(2) === 0 ? this.pick(NUMBERS) : `v${this.#random.below(1000)}`
  }

  /**
   * Far enough away that a slow machine does not see the key go, and hardly ever within seconds of another
   * one: the two clocks must not decide what GT and LT say.
   */
  duration(inSeconds: boolean): string {
    if (this.#random.below(3) === 0) return this.pick(ODD_DURATIONS)
    const seconds = 1_000 + 20 * this.#random.below(100_000)
    return String(inSeconds ? seconds : seconds * 1_000)
  }

  setOption(): string[] {
    const word = this.pick(['NX', 'XX', 'GET', 'KEEPTTL', 'EX', 'PX', 'EXAT', 'PXAT', 'nx', 'Ex', 'bad'])
    if (this.#random.below(12) === 0) return [word]
    if (/^[ep]x$/i.test(word)) return [word, this.duration(/^e/i.test(word))]
    if (!word.endsWith('AT')) return [word]
    const far = word === 'EXAT' ? FAR_SECONDS : FAR_MILLISECONDS
    return [word, this.#random.below(3) === 0 ? this.pick(ODD_TIMES) : far]
  }

  command(): Word[] {
    const key = () => this.pick(KEYS)
    const makers: (() => Word[])[] = [
      () => ['GET', key()],
      () => ['SET', key(), this.value()],
      () => ['SET', key(), this.value(), ...this.times(2, () => this.setOption()).flat()],
      () => ['DEL', key(), ...this.times(2, key)],
      () => ['EXISTS', key(), ...this.times(2, key)],
      () => [this.pick(['INCR', 'DECR', 'incr']), key()],
      () => [this.pick(['INCRBY', 'DECRBY']), key(), this.pick(NUMBERS)],
      () => ['MGET', key(), ...this.times(3, key)],
      () => ['MSET', key(), this.value(), ...this.times(3, key)],
      () => [
        ...this.pick([
          () => ['EXPIRE', key(), this.duration(true)],
          () => ['PEXPIRE', key(), this.duration(false)],
        ])(),
        ...this.times(2, () => this.pick(EXPIRE_FLAGS)),
      ],
      () => ['TTL', key()],
      () => ['PERSIST', key()],
      () => ['TYPE', key()],
      () =>
        this.#random.below(20) === 0
          ? ['FLUSHALL', ...this.times(1, () => this.pick(['SYNC', 'ASYNC', 'NO']))]
          : ['TTL', key()],
      () => [this.pick(NAMES), ...this.times(4, key)],
    ]
    return this.pick(makers)()
  }
}

const TIMES_LEFT = /:(\d{4,11})\r\n/g
/** In seconds: one of the two may stand still for a while; durations differ by more (duration() above). */
const NEAR = 19

/** Equal bytes, or equal but for times left in seconds where `times` says that there are some. */
export function assertSameReply(actual: string, expected: string, times: boolean, what: () => string): void {
  if (actual === expected) return
  const numbers = (text: string) => [...text.matchAll(TIMES_LEFT)].map((match) => Number(match[1]))
  assert.equal(
    times ? actual.replace(TIMES_LEFT, ':T') : actual,
    times ? expected.replace(TIMES_LEFT, ':T') : expected,
    what(),
  )
  const others = numbers(expected)
  for (const [i, number] of numbers(actual).entries()) {
    assert(Math.abs(number - (others[i] as number)) <= NEAR, `${what()}: ${actual} is not near ${expected}`)
  }
}
