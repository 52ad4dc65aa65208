/** The configuration codecs: round trips, golden bytes, damage. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entryPayload } from '../protocol/entry.ts'
import { foundingEntry } from '../testing/core-sim/founding.ts'
import {
  confStateSize,
  decodeConfChange,
  decodeConfState,
  encodeConfChange,
  encodeConfState,
} from './conf-change.ts'
import { changeConf, confOfVoters, EMPTY_CONF } from './membership.ts'

fc.configureGlobal({ seed: 20_268 })

const peer = fc.integer({ min: 1, max: 2 ** 48 })
const PLAIN = { noNullPrototype: true }
const member = fc.record(
  {
    peerId: peer,
    name: fc.string({ maxLength: 20 }),
    incarnation: fc.string({ maxLength: 32 }),
    peerAddress: fc.string({ maxLength: 60 }),
  },
  PLAIN,
)
const step = fc.record({ kind: fc.constantFrom('addVoter', 'addLearner', 'remove'), peer }, PLAIN)
const change = fc.record(
  { steps: fc.array(step, { maxLength: 5 }), members: fc.array(member, { maxLength: 4 }) },
  PLAIN,
)

test('a configuration change survives the codec', () => {
  fc.assert(
    fc.property(change, (value) => assert.deepEqual(decodeConfChange(encodeConfChange(value)), value)),
  )
})

test('a configuration survives the codec at any offset', () => {
  const peers = fc.array(peer, { maxLength: 4 })
  const conf = fc.record(
    { voters: peers, votersOutgoing: peers, learners: peers, learnersNext: peers, autoLeave: fc.boolean() },
    PLAIN,
  )
  fc.assert(
    fc.property(conf, fc.nat(9), (value, offset) => {
      const bytes = Buffer.concat([Buffer.alloc(offset), encodeConfState(value)])
      assert.equal(confStateSize(bytes, offset), bytes.length - offset)
      assert.deepEqual(decodeConfState(bytes, offset), value)
      assert.equal(confStateSize(bytes.subarray(0, -1), offset), -1)
    }),
  )
})

test('R7: the bytes of a configuration change are those of version 1', () => {
  const members = [{ peerId: 258, name: 'n1', incarnation: 'ab', peerAddress: 'h:9' }]
  const bytes = encodeConfChange({ steps: [{ kind: 'addLearner', peer: 258 }], members })
  const expected = '01010100 02 0201000000000000 0201000000000000 026e31 026162 0300683a39'
  assert.equal(bytes.toString('hex'), expected.replaceAll(' ', ''))
})

test('R7: another version and an unknown step are refused', () => {
  const bytes = encodeConfChange({ steps: [{ kind: 'remove', peer: 1 }], members: [] })
  const changed = (at: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at] = 9
    return copy
  }
  assert.throws(() => decodeConfChange(changed(0)), /version/)
  assert.throws(() => decodeConfChange(changed(4)), /unknown kind/)
  assert.throws(() => decodeConfChange(Buffer.concat([bytes, Buffer.alloc(1)])), /ends at/)
})

test('founders make the same founding entry, whatever order they know each other in', () => {
  const members = [3, 1, 2].map((peerId) => ({
    peerId,
    name: `n${peerId}`,
    incarnation: 'x',
    peerAddress: '',
  }))
  const first = foundingEntry(1, members)
  const second = foundingEntry(1, [...members].reverse())
  assert.deepEqual(first.frame, second.frame)
  assert.deepEqual(changeConf(EMPTY_CONF, decodeConfChange(entryPayload(first))), confOfVoters([1, 2, 3]))
})
