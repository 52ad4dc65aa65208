/** 64-bit arithmetic against BigInt. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addIntegers, type Integer, negateInteger, parseInteger } from './integers.ts'

const SEED = 7
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

function parse(text: string): Integer | null {
  return parseInteger(Buffer.from(text, 'latin1'))
}

function narrow(value: bigint): Integer | null {
  if (value < INT64.min || value > INT64.max) return null
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

const edges = [
  0n,
  1n,
  -1n,
  2n ** 53n,
  2n ** 53n - 1n,
  -(2n ** 53n),
  INT64.min,
  INT64.max,
  10n ** 15n,
  10n ** 15n - 1n,
]
const int64 = fc.oneof(fc.bigInt(INT64), fc.constantFrom(...edges), fc.bigInt({ min: -1000n, max: 1000n }))

test('every 64-bit integer is read back from its text, as a number when it is safe', () => {
  fc.assert(
    fc.property(int64, (value) => assert.equal(parse(String(value)), narrow(value))),
    { seed: SEED },
  )
})

test('what is spelled another way, or does not fit, is no integer', () => {
  const wrong = ['', '-', '+1', '-0', '00', '01', '-01', ' 1', '1 ', '1e3', '0x1', '1.0', 'one', '\xb2']
  for (const text of [...wrong, String(INT64.max + 1n), String(INT64.min - 1n), '9'.repeat(30)]) {
    assert.equal(parse(text), null, text)
  }
})

test('sums and negations are exact or null', () => {
  fc.assert(
    fc.property(int64, int64, (a, b) => {
      assert.equal(addIntegers(narrow(a) as Integer, narrow(b) as Integer), narrow(a + b))
      assert.equal(negateInteger(narrow(a) as Integer), narrow(-a))
    }),
    { seed: SEED, numRuns: 500 },
  )
})
