/** What every Random does, tested on the real and the seeded one alike. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Random } from '../../lib/random.ts'

/** Registers the suite; `make` gives a new generator, another one each time. */
export function randomConformance(name: string, make: () => Random): void {
  describe(`Random conformance: ${name}`, () => {
    test('draws lie in their ranges and cover them', () => {
      const random = make()
      const seen = new Set<number>()
      for (let i = 0; i < 2_000; i++) {
        const word = random.u32()
        assert.ok(Number.isInteger(word) && word >= 0 && word < 2 ** 32)
        const float = random.float()
        assert.ok(float >= 0 && float < 1)
        const below = random.below(10)
        assert.ok(Number.isInteger(below) && below >= 0 && below < 10)
        seen.add(below)
      }
      assert.equal(seen.size, 10)
      assert.equal(random.below(1), 0)
      assert.ok(random.below(2 ** 32) < 2 ** 32)
    })

    test('draws are about uniform', () => {
      const random = make()
      const counts = new Array<number>(16).fill(0)
      for (let i = 0; i < 16_000; i++) {
        const bucket = random.u32() >>> 28
        counts[bucket] = (counts[bucket] ?? 0) + 1
      }
      for (const count of counts) assert.ok(count > 700 && count < 1_300, `bucket of ${count}`)
    })

    test('bytes() gives the wanted size, and never the same twice', () => {
      const random = make()
      for (const size of [0, 1, 16, 1_000]) assert.equal(random.bytes(size).length, size)
      assert.notDeepEqual(random.bytes(16), random.bytes(16))
    })

    test('forks differ from each other and from their origin', () => {
      const random = make()
      const draws = [random.fork('a'), random.fork('b'), random.fork('a'), random].map((each) =>
        [each.u32(), each.u32(), each.u32()].join(),
      )
      assert.equal(new Set(draws).size, 4)
    })
  })
}
