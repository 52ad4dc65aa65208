/** Pub/sub in the simulation of whole nodes: some seeds are clean, and a lost or repeated message is found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EffectsHub } from '../../cluster/effects-hub.ts'
import { MessageOrder } from './messenger.ts'
import { runNodeSeed } from './simulation.ts'

test('all nodes deliver all messages in one order under faults', () => {
  let messages = 0
  let deliveries = 0
  for (let seed = 1; seed <= 6; seed++) {
    const { violation, faults } = runNodeSeed(seed, { params: { messengers: 2 } })
    assert.equal(violation, null, `seed ${seed}`)
    messages += faults.messages ?? 0
    deliveries += faults.deliveries ?? 0
  }
  assert.ok(messages > 400, `${messages} messages`)
  assert.ok(deliveries > 2 * messages, `${deliveries} deliveries`)
})

for (const times of [0, 2]) {
  test(`a node that delivers one message ${times} times is found`, () => {
    const order = new MessageOrder()
    let listener: Parameters<EffectsHub['listen']>[0] | null = null
    const node = { listen: (added: typeof listener) => (listener = added) }
    const deliver = (...payloads: string[]): void => {
      const messages = payloads.map((text) => ({ payload: Buffer.from(text) }))
      listener?.effects({ messages } as never, null)
    }
    order.follow(node as never, 'n1')
    deliver('a', 'b', 'c')
    order.follow(node as never, 'n2')
    deliver('a')
    assert.throws(() => deliver(...Array.from({ length: times }, () => 'b'), 'c'), /n2 delivered message/)
  })
}
