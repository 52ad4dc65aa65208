/** The inflight window against a plain list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Inflights } from './inflights.ts'

fc.configureGlobal({ seed: 20_268 })

test('the window counts messages and bytes like a list does', () => {
  const action = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ free: fc.integer({ min: 0, max: 30 }) }),
    fc.constant({ reset: true }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const window = new Inflights(5, 100)
      let list: { index: number; bytes: number }[] = []
      let next = 1
      for (const step of actions) {
        if ('add' in step) {
          if (window.full) continue
          window.add(next, step.add)
          list.push({ index: next, bytes: step.add })
          next++
        } else if ('free' in step) {
          window.freeTo(step.free)
          list = list.filter(({ index }) => index > step.free)
        } else {
          window.reset()
          list = []
        }
        const bytes = list.reduce((sum, message) => sum + message.bytes, 0)
        assert.equal(window.count, list.length)
        assert.equal(window.bytes, bytes)
        assert.equal(window.full, list.length >= 5 || (list.length > 0 && bytes >= 100))
      }
    }),
  )
})

test('one message of any size fits an empty window, and none fits beside it', () => {
  const window = new Inflights(5, 100)
  window.add(1, 1_000_000)
  assert.ok(window.full)
  assert.throws(() => window.add(2, 1))
  window.freeTo(1)
  assert.ok(!window.full)
})

test('reset() forgets the bytes too', () => {
  const window = new Inflights(5, 100)
  window.add(1, 100)
  window.reset()
  assert.equal(window.bytes, 0)
  assert.ok(!window.full)
})
