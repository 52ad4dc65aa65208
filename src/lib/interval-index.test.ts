/** The interval index against a list that is searched one by one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { IntervalIndex } from './interval-index.ts'

const SEED = 5
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 3 })
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), bounds: fc.tuple(text, text) }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('visit' as const), point: text }),
)

test('a point finds exactly the ranges that hold it, whatever came and went before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const index = new IntervalIndex<number>()
      const list: { from: string; to: string; value: number }[] = []
      steps.forEach((step, value) => {
        if (step.kind === 'add') {
          const [from = '', to = ''] = step.bounds.slice().sort()
          if (from === to) return
          index.add(from, to, value)
          list.push({ from, to, value })
        } else if (step.kind === 'delete') {
          const [gone] = list.splice(step.at % Math.max(1, list.length), 1)
          if (gone !== undefined) index.delete(gone.value)
        } else {
          const found: number[] = []
          index.visit(step.point, (value) => found.push(value))
          const expected = list.filter(({ from, to }) => from <= step.point && step.point < to)
          const values = expected.map(({ value }) => value)
          assert.deepEqual(
            found.sort((a, b) => a - b),
            values.sort((a, b) => a - b),
          )
        }
        assert.equal(index.size, list.length)
      })
    }),
    { seed: SEED, numRuns: 200 },
  )
})
