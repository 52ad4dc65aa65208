/** When a node looks at its disk, and what it says of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Disk } from '../../storage/disk.ts'
import { type SpaceState, SpaceWatch } from './space.ts'

const LOW = 1000
const FULL = 250

/** A watch over a disk with `free` bytes, which the test changes; looks() counts questions over `ms` of ticks. */
function fixture() {
  let free = 10 * LOW
  let looks = 0
  let nowMs = 0
  const states: SpaceState[] = []
  const space: Disk['space'] = (_folder, done) => {
    looks++
    done(null, { freeBytes: free, totalBytes: 100 * LOW })
  }
  const watch = new SpaceWatch({
    disk: { space } as Disk,
    folder: 'data',
    lowBytes: LOW,
    fullBytes: FULL,
    changed: (state) => states.push(state),
  })
  const run = (ms: number): number => {
    const before = looks
    for (const end = nowMs + ms; nowMs < end; nowMs += 10) watch.tick(nowMs)
    return looks - before
  }
  const setFree = (bytes: number): void => {
    free = bytes
  }
  return { watch, states, run, setFree }
}

test('R6: a node with little room looks often, so that nobody writes through its reserve unseen', () => {
  const { run, setFree } = fixture()
  assert.equal(run(5_000), 10)
  setFree(3 * LOW)
  run(500)
  assert.equal(run(5_000), 100)
  setFree(10 * LOW)
  run(500)
  assert.equal(run(5_000), 10)
})

test('R6: ok, low, full and back, with more room needed for ok than for low', () => {
  const { watch, states, run, setFree } = fixture()
  for (const bytes of [LOW - 1, LOW + 1, 1.2 * LOW, FULL - 1, FULL, LOW + 1, 2 * LOW]) {
    setFree(bytes)
    run(1_000)
  }
  assert.deepEqual(states, ['low', 'ok', 'full', 'low', 'ok'])
  assert.equal(watch.report.freeBytes, 2 * LOW)
})
