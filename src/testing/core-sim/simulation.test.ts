/**
 * The simulation of the core: a few hundred seeds are clean, runs are deterministic, faults really happen, and planted
 * mistakes are found. Longer runs are a matter of the simulation program.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mistakes, plant } from './planted.ts'
import { runCoreSeed, runCoreSeeds } from './simulation.ts'

const SEEDS = 100
const PLANTED_SEEDS = 600

test('no invariant of the core breaks in any seed', (context) => {
  const summary = runCoreSeeds({ from: 1, count: SEEDS, stopAtFirst: true })
  const [failure] = summary.failures
  assert.equal(failure, undefined, `seed ${failure?.seed}: ${failure?.violation}`)
  context.diagnostic(`${summary.events} events, ${summary.committed} entries, ${summary.leaders} leaders`)
  for (const fault of ['crash', 'pause', 'partition', 'membership', 'transfer', 'compact', 'hint', 'stall']) {
    assert.ok((summary.faults[fault] ?? 0) > SEEDS / 4, `${fault}: ${summary.faults[fault]}`)
  }
  assert.ok(summary.leaders > SEEDS && summary.reads > SEEDS && summary.committed > 10 * SEEDS)
})

test('a seed gives the same events every time, traced or not', () => {
  const first = runCoreSeed(7)
  const again = runCoreSeed(7, { trace: true })
  assert.equal(first.hash, again.hash)
  assert.ok(again.lines.length > 100 && first.lines.length === 0)
  assert.notEqual(first.hash, runCoreSeed(8).hash)
})

describe('planted mistakes are found', () => {
  for (const name of mistakes) {
    test(name, (context) => {
      const remove = plant(name)
      try {
        const summary = runCoreSeeds({ from: 1, count: PLANTED_SEEDS, stopAtFirst: true, checkEvery: 0 })
        const [failure] = summary.failures
        assert.ok(failure !== undefined, `not found in ${PLANTED_SEEDS} seeds`)
        context.diagnostic(`seed ${failure.seed}: ${failure.violation}`)
      } finally {
        remove()
      }
      assert.equal(runCoreSeed(1).violation, null, 'the mistake is out again')
    })
  }
})
