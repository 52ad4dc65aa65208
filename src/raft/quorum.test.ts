/**
 * Majority arithmetic against the definition: an index is committed when more than half have reached it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jointIndex, jointVote, majorityIndex, majorityVote } from './quorum.ts'

fc.configureGlobal({ seed: 20_268 })

function bruteIndex(voters: readonly number[], indexOf: (peer: number) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY
  let best = 0
  for (const candidate of voters.map(indexOf)) {
    const reached = voters.filter((voter) => indexOf(voter) >= candidate).length
    if (reached * 2 > voters.length) best = Math.max(best, candidate)
  }
  return best
}

const voterSet = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 7 })
const indexes = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 13, maxLength: 13 })

test('majorityIndex() is the highest index that more than half have reached', () => {
  fc.assert(
    fc.property(voterSet, indexes, (voters, all) => {
      const indexOf = (peer: number): number => all[peer] as number
      assert.equal(majorityIndex(voters, indexOf), bruteIndex(voters, indexOf))
    }),
  )
})

test('two voters need both: {1: 5, 2: 3} commits 3', () => {
  assert.equal(
    majorityIndex([1, 2], (peer) => (peer === 1 ? 5 : 3)),
    3,
  )
})

test('a joint index needs both majorities', () => {
  fc.assert(
    fc.property(voterSet, voterSet, indexes, (voters, votersOutgoing, all) => {
      const indexOf = (peer: number): number => all[peer] as number
      const expected = Math.min(bruteIndex(voters, indexOf), bruteIndex(votersOutgoing, indexOf))
      assert.equal(jointIndex({ voters, votersOutgoing }, indexOf), expected)
    }),
  )
})

const ballots = fc.array(fc.constantFrom(true, false, null), { minLength: 13, maxLength: 13 })

test('a vote is won or lost exactly when no missing ballot can change it', () => {
  fc.assert(
    fc.property(voterSet, ballots, (voters, all) => {
      const yes = voters.filter((voter) => all[voter] === true).length
      const no = voters.filter((voter) => all[voter] === false).length
      const won = yes * 2 > voters.length || voters.length === 0
      const lost = !won && (voters.length - no) * 2 <= voters.length
      const expected = won ? 'won' : lost ? 'lost' : 'pending'
      assert.equal(
        majorityVote(voters, (peer) => all[peer] ?? null),
        expected,
      )
    }),
  )
})

test('a joint vote is won in both sets, lost in either', () => {
  fc.assert(
    fc.property(voterSet, voterSet, ballots, (voters, votersOutgoing, all) => {
      const voteOf = (peer: number): boolean | null => all[peer] ?? null
      const both = [majorityVote(voters, voteOf), majorityVote(votersOutgoing, voteOf)]
      const expected = both.includes('lost') ? 'lost' : both.includes('pending') ? 'pending' : 'won'
      assert.equal(jointVote({ voters, votersOutgoing }, voteOf), expected)
    }),
  )
})
