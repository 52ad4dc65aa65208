/** Decimal numbers as x87 computes and Redis prints them; compared with redis-server in differential.strings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addLongDoubles,
  formatLongDouble,
  INFINITE,
  type LongDouble,
  parseLongDouble,
} from './long-double.ts'

function parse(text: string) {
  return parseLongDouble(Buffer.from(text, 'latin1'))
}

function finite(text: string): LongDouble {
  const number = parse(text)
  assert(number !== null && number !== INFINITE, text)
  return number
}

function sum(a: string, b: string): string {
  const result = addLongDoubles(finite(a), finite(b))
  return result === INFINITE ? INFINITE : formatLongDouble(result)
}

test('numbers come back as they were, to 17 digits behind the point', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['0.1', '0.1'],
    ['3.14159265358979323', '3.14159265358979323'],
    ['-0', '0'],
    ['-1e-30', '0'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1e3', '1000'],
    ['0x1.8p3', '12'],
    ['9223372036854775807', '9223372036854775807'],
    ['18446744073709551617', '18446744073709551616'],
    ['1e22', '10000000000000000000000'],
  ]
  for (const [text, printed] of texts) assert.equal(formatLongDouble(finite(text)), printed, text)
})

test('sums have 64 bits, rounded to the nearest, ties to even', () => {
  assert.equal(sum('0.1', '0.2'), '0.3')
  assert.equal(sum('18446744073709551615', '1'), '18446744073709551616')
  assert.equal(sum('18446744073709551616', '1'), '18446744073709551616')
  assert.equal(sum('18446744073709551618', '1'), '18446744073709551620')
  assert.equal(sum('1e30', '-1e30'), '0')
  assert.equal(sum('1e4932', '1e4932'), INFINITE)
})

test('what is no number, or none that can be kept, is told apart', () => {
  for (const text of ['', ' 1', '1 ', '1e', '.', '-', '0x', '1_0', 'nan', '1e5000', '1e-5000', '1\x000']) {
    assert.equal(parse(text), null, text)
  }
  for (const text of ['inf', '-INF', '+infinity']) assert.equal(parse(text), INFINITE, text)
  assert.deepEqual(parse('0e999999999999'), finite('0'))
})

test('exponents and texts of any size take no time', () => {
  assert.equal(parse(`1e${'9'.repeat(1_000)}`), null)
  assert.equal(parse(`0x1p-${'9'.repeat(1_000)}`), null)
  assert.equal(parse(`${'1'.repeat(5_000)}x`), null)
  assert.equal(parse('1'.repeat(6_000)), null)
})
