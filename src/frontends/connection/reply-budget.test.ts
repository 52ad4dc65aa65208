/** What all clients together have not taken is bounded, and the one with the most pays for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import { eventually, openFixture, type RawClient } from '../../testing/doors/door-fixture.ts'
import { HandClock } from '../../testing/doors/hand-clock.ts'
import { ReplyBudget, type Unsent } from './reply-budget.ts'

class Queue implements Unsent {
  counted = 0
  isGivenUp = false
  readonly #budget: ReplyBudget

  constructor(budget: ReplyBudget) {
    this.#budget = budget
  }

  giveUp(): void {
    this.isGivenUp = true
    this.#budget.count(this, 0)
  }

  review(): void {}
}

test('beyond the limit the client with the most waiting is given up, and no other', () => {
  const budget = new ReplyBudget()
  const [small, large, last] = [new Queue(budget), new Queue(budget), new Queue(budget)]
  budget.count(small, limits.unsentBytes / 4)
  assert.equal(budget.isTight, false)
  budget.count(large, limits.unsentBytes / 2)
  assert.equal(budget.isTight, true)
  budget.count(last, limits.unsentBytes / 4)
  assert.deepEqual(
    [small, large, last].map((queue) => queue.isGivenUp),
    [false, false, false],
  )
  budget.count(small, limits.unsentBytes / 4 + 1)
  assert.deepEqual(
    [small, large, last].map((queue) => queue.isGivenUp),
    [false, true, false],
  )
  assert.equal(budget.bytes, limits.unsentBytes / 2 + 1)
  for (const queue of [small, last]) budget.count(queue, 0)
  assert.deepEqual([budget.bytes, budget.isTight], [0, false])
})

const PAYLOAD = Buffer.alloc(1024 * 1024, 'x')
/** Each subscriber stays below limits.pushBytes; together they are above limits.unsentBytes. */
const MESSAGES = 30
const SUBSCRIBERS = 26

test('R20: deaf clients cannot fill the memory together: some are closed, and the others not read', async () => {
  // A clock that stands: what is judged is how much they leave, not for how long.
  const fixture = await openFixture({}, undefined, null, new HandClock())
  const { door } = fixture.doors
  const deaf: RawClient[] = []
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const client = await fixture.client()
    client.send('HELLO 3\r\nSUBSCRIBE a\r\n')
    await client.takeUntil(':1\r\n')
    client.socket.pause()
    deaf.push(client)
  }
  const publisher = await fixture.client()
  for (let i = 0; i < MESSAGES; i++) {
    publisher.command('PUBLISH', 'a', PAYLOAD)
    await publisher.takeUntil('\r\n')
  }
  await eventually(() => door.clients.resp.size < SUBSCRIBERS + 1)
  assert.ok(door.clients.resp.size > SUBSCRIBERS / 2)
  assert.ok(door.replyBudget.isTight && door.replyBudget.bytes <= limits.unsentBytes)
  assert.ok(fixture.logs.some(({ message }) => message.includes('does not take its replies')))

  const { commands } = door.stats
  for (const client of deaf) client.send('PING\r\n')
  publisher.command('PING')
  assert.equal(await publisher.take(7), '+PONG\r\n')
  assert.equal(door.stats.commands, commands + 1)
  for (const client of deaf) client.destroy()
  await eventually(() => door.replyBudget.bytes === 0)
  await fixture.close()
})
