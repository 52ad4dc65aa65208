/** When a leader raises the engine level: what its members say decides, and who is silent holds it back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Configuration } from '../members/configuration.ts'
import { EngineLevels, olderProgram } from './engine-levels.ts'

function fixture() {
  const members = [1, 2, 3].map((peerId) => ({
    peerId,
    name: `n${peerId}`,
    incarnation: '0',
    peerAddress: '',
  }))
  const confState = { voters: [1, 2], votersOutgoing: [], learners: [3], learnersNext: [], autoLeave: false }
  const proposed: number[] = []
  const known = new Map<number, number>([
    [2, 3],
    [3, 3],
  ])
  const state = { leading: true, level: 1, confPending: false }
  const levels = new EngineLevels({
    self: 1,
    levelMax: 3,
    configuration: new Configuration(confState, members),
    reign: {
      get leading() {
        return state.leading
      },
      get level() {
        return state.level
      },
      proposeLevel: (level) => {
        if (level > state.level) proposed.push(level)
      },
    },
    confPending: () => state.confPending,
    levelOf: (peer) => known.get(peer) ?? null,
  })
  return { levels, proposed, known, state }
}

test('the highest level that every member knows is proposed', () => {
  const { levels, proposed, known } = fixture()
  known.set(2, 2)
  levels.consider()
  known.set(2, 9)
  levels.consider()
  assert.deepEqual(proposed, [2, 3])
})

test('a learner counts, and a member that is not connected holds the level back', () => {
  const { levels, proposed, known } = fixture()
  known.set(3, 1)
  levels.consider()
  known.delete(3)
  levels.consider()
  assert.deepEqual(proposed, [])
  known.set(3, 3)
  levels.consider()
  assert.deepEqual(proposed, [3])
})

test('nothing is proposed by a follower, while members change, or above the level that is on its way', () => {
  const { levels, proposed, state } = fixture()
  state.leading = false
  levels.consider()
  Object.assign(state, { leading: true, confPending: true })
  levels.consider()
  Object.assign(state, { confPending: false, level: 3 })
  levels.consider()
  assert.deepEqual(proposed, [])
})

test('it looks now and then, not in every tick', () => {
  const { levels, proposed } = fixture()
  levels.tick(1_000)
  levels.tick(1_050)
  assert.equal(proposed.length, 1)
  levels.tick(1_100)
  assert.equal(proposed.length, 2)
})

test('an older program is told both levels and the remedy', () => {
  const peer = { name: 'n2', engineLevel: 1 } as Parameters<typeof olderProgram>[0]
  assert.equal(olderProgram(peer, 1), null)
  assert.match(
    olderProgram(peer, 2) ?? '',
    /level 1, the cluster is at 2: start n2 with the version of the other/,
  )
})
