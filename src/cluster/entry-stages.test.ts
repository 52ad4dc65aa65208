/** Which entries are timed from stage to stage, and from when to when. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EntryStages } from './entry-stages.ts'

describe('the stages of entries', () => {
  test('are timed from append to durable, to committed, to applied and to replied', () => {
    const stages = new EntryStages()
    stages.onAppended(1, 2, 1_000)
    stages.onSynced(2, 1_010)
    stages.onCommitted(1, 1_020)
    stages.onCommitted(2, 1_030)
    stages.onReply()
    stages.onApplied(1, 1_040)
    stages.onApplied(2, 1_040)
    stages.onTurn(1_041)
    stages.onTurn(2_000)
    const figures = (['synced', 'committed', 'applied', 'replied'] as const).map((name) => [
      stages[name].count,
      Math.round(stages[name].sum * 1000),
    ])
    assert.deepEqual(figures, [
      [2, 20],
      [2, 50],
      [2, 30],
      [1, 1],
    ])
  })

  test('do not time entries that another process appended', () => {
    const stages = new EntryStages()
    stages.onCommitted(50_000, 10)
    stages.onApplied(50_000, 20)
    assert.equal(stages.committed.count + stages.applied.count, 0)
  })

  test('time an entry anew when another one takes its place', () => {
    const stages = new EntryStages()
    stages.onAppended(1, 3, 0)
    stages.onSynced(3, 10)
    stages.onAppended(2, 2, 100)
    stages.onSynced(2, 107)
    assert.equal(stages.synced.count, 4)
    assert.equal(Math.round(stages.synced.sum * 1000), 37)
  })

  test('forget the oldest when more are under way than are kept', () => {
    const stages = new EntryStages()
    stages.onAppended(1, 10_000, 0)
    stages.onSynced(10_000, 1)
    assert.equal(stages.synced.count, 4_096)
  })
})
