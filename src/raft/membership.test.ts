/**
 * Configuration arithmetic: worked examples, and invariants over random histories of changes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changeConf, confFlaw, confOfVoters, EMPTY_CONF, isJoint, isVoter } from './membership.ts'
import type { ConfChange, ConfChangeStep, ConfState } from './types.ts'

fc.configureGlobal({ seed: 20_268 })

/** 'v1' adds a voter, 'l2' adds a learner, 'r3' removes; '' leaves a joint configuration. */
function change(text: string): ConfChange {
  const kinds = { v: 'addVoter', l: 'addLearner', r: 'remove' } as const
  const steps = text
    .split(' ')
    .filter((token) => token !== '')
    .map(
      (token): ConfChangeStep => ({ kind: kinds[token[0] as 'v' | 'l' | 'r'], peer: Number(token.slice(1)) }),
    )
  return { steps, members: [] }
}

function after(conf: ConfState, ...changes: string[]): ConfState {
  let current = conf
  for (const text of changes) {
    const next = changeConf(current, change(text))
    assert.ok(typeof next !== 'string', `${text}: ${next}`)
    current = next
  }
  return current
}

test('one voter is added or removed directly', () => {
  assert.deepEqual(after(confOfVoters([1]), 'v2'), confOfVoters([1, 2]))
  assert.deepEqual(after(confOfVoters([1, 2, 3]), 'r2'), confOfVoters([1, 3]))
})

test('a learner is promoted directly, and a voter demoted', () => {
  const conf = after(confOfVoters([1]), 'l2')
  assert.deepEqual(conf.learners, [2])
  assert.deepEqual(after(conf, 'v2'), confOfVoters([1, 2]))
  assert.deepEqual(after(confOfVoters([1, 2]), 'l2'), conf)
})

test('a replacement goes through a joint configuration that is left automatically', () => {
  const joint = after(confOfVoters([1, 2, 3]), 'v4 r3')
  assert.deepEqual(joint, {
    voters: [1, 2, 4],
    votersOutgoing: [1, 2, 3],
    learners: [],
    learnersNext: [],
    autoLeave: true,
  })
  assert.deepEqual(after(joint, ''), confOfVoters([1, 2, 4]))
})

test('a voter demoted while joint becomes a learner only on leaving', () => {
  const joint = after(confOfVoters([1, 2, 3]), 'l3 v4')
  assert.deepEqual([joint.learners, joint.learnersNext], [[], [3]])
  assert.deepEqual(after(joint, ''), { ...confOfVoters([1, 2, 4]), learners: [3] })
})

test('the first configuration is entered directly', () => {
  assert.deepEqual(after(EMPTY_CONF, 'v3 v1 v2'), confOfVoters([1, 2, 3]))
})

test('a joint configuration can only be left', () => {
  const joint = after(confOfVoters([1, 2]), 'v3 r1')
  assert.equal(typeof changeConf(joint, change('v4')), 'string')
})

test('leaving needs a joint configuration, and some voter must stay', () => {
  assert.equal(typeof changeConf(confOfVoters([1]), change('')), 'string')
  assert.equal(typeof changeConf(confOfVoters([1]), change('r1')), 'string')
  assert.equal(typeof changeConf(confOfVoters([1]), change('l1')), 'string')
})

const step = fc.record({
  kind: fc.constantFrom('addVoter', 'addLearner', 'remove'),
  peer: fc.integer({ min: 1, max: 6 }),
}) satisfies fc.Arbitrary<ConfChangeStep>

function majorities(voters: readonly number[]): number[][] {
  const subsets = [...Array(2 ** voters.length).keys()].map((bits) =>
    voters.filter((_, i) => (bits >> i) & 1),
  )
  return subsets.filter((subset) => subset.length * 2 > voters.length)
}

/** Sets of peers that can decide alone under `conf`. */
function quorums(conf: ConfState): number[][] {
  if (!isJoint(conf)) return majorities(conf.voters)
  return majorities(conf.voters).flatMap((a) => majorities(conf.votersOutgoing).map((b) => [...a, ...b]))
}

test('configurations stay valid, and every quorum meets every quorum of the next configuration', () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 8 }), (changes) => {
      let conf = confOfVoters([1, 2, 3])
      for (const steps of changes) {
        const next = changeConf(conf, { steps, members: [] })
        if (typeof next === 'string') continue
        assert.equal(confFlaw(next), null)
        for (const a of quorums(conf)) {
          for (const b of quorums(next)) assert.ok(a.some((peer) => b.includes(peer)))
        }
        for (const peer of next.learners) assert.ok(!isVoter(next, peer))
        conf = next
      }
    }),
  )
})
