/** R2: an overlay against a Map. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MapStore } from '../testing/storage/map-store.ts'
import { Overlay } from './overlay.ts'

const SEED = 5

const change = fc.tuple(fc.integer({ min: 0, max: 14 }).map(String), fc.option(fc.nat({ max: 99 })))

test('R2: an overlay gives back what was last set and writes each key once, few keys or many', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 30 }), { maxLength: 4 }), (commands) => {
      const overlay = new Overlay()
      const expected = new Map<string, Buffer | null>()
      const store = new MapStore()
      for (const changes of commands) {
        const staged = new Map<string, Buffer | null>()
        for (const [key, number] of changes) {
          const value = number === null ? null : Buffer.from([number])
          overlay.set(key, value)
          staged.set(key, value)
        }
        for (let key = 0; key < 15; key++) assert.equal(overlay.get(String(key)), staged.get(String(key)))
        assert.equal(overlay.size, staged.size)
        const { puts } = store
        overlay.moveTo(store)
        assert.equal(store.puts - puts, staged.size)
        assert.equal(overlay.size, 0)
        for (const [key, value] of staged) expected.set(key, value)
      }
      for (const [key, value] of expected) assert.equal(store.get(key), value)
    }),
    { seed: SEED, numRuns: 200 },
  )
})

test('a cleared overlay writes nothing', () => {
  const overlay = new Overlay()
  const store = new MapStore()
  for (let count = 0; count < 20; count++) {
    for (let key = 0; key < count; key++) overlay.set(String(key), Buffer.from([key]))
    overlay.clear()
    assert.equal(overlay.get('0'), undefined)
    overlay.moveTo(store)
  }
  assert.equal(store.puts, 0)
})
