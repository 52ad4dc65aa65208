/** Did-you-mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearestWord, suggestion } from './suggest.ts'

test('editDistance() counts insertions, deletions, replacements and swaps', () => {
  assert.equal(editDistance('start', 'start'), 0)
  assert.equal(editDistance('strat', 'start'), 1)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('kitten', 'sitting'), 3)
})

test('nearestWord() is silent when nothing is near', () => {
  assert.equal(nearestWord('redis_prot', ['redis_port', 'http_port']), 'redis_port')
  assert.equal(nearestWord('banana', ['redis_port', 'data']), null)
  assert.equal(suggestion('stat', ['start', 'stop']), ' (did you mean start?)')
})
