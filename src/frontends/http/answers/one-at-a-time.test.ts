/** One at a time, in order, each in a turn of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OneAtATime } from './one-at-a-time.ts'

test('the next begins, in a later turn, when the one before is over', () => {
  const turns: (() => void)[] = []
  const queue = new OneAtATime((run) => turns.push(run))
  const begun: string[] = []
  const overs: (() => void)[] = []
  const add = (name: string): void =>
    queue.add((over) => {
      begun.push(name)
      overs.push(over)
    })
  const turn = (): void => turns.shift()?.()
  for (const name of ['a', 'b', 'c']) add(name)
  assert.deepEqual([begun, turns.length], [[], 1])
  turn()
  assert.deepEqual([begun, turns.length], [['a'], 0])
  overs[0]?.()
  assert.deepEqual([begun, turns.length], [['a'], 1])
  turn()
  overs[1]?.()
  turn()
  overs[2]?.()
  assert.deepEqual([begun, turns.length], [['a', 'b', 'c'], 0])
  add('d')
  turn()
  assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
})
