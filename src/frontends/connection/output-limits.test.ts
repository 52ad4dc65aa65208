/** client-output-buffer-limit: what it accepts, what it shows, and that it is enforced. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../protocol/limits.ts'
import { eventually, openFixture } from '../../testing/doors/door-fixture.ts'
import { OutputLimits, OutputWatch, parseOutputLimits } from './output-limits.ts'

const MiB = 2 ** 20

test('CONFIG GET shows hard limit, soft limit and seconds of each class, as they are enforced', () => {
  const { pubsub, normal } = new OutputLimits()
  assert.equal(
    String(new OutputLimits()),
    `normal ${limits.replyQueueBytesMax} 0 0 slave 0 0 0 pubsub ${32 * MiB} ${8 * MiB} 60`,
  )
  assert.deepEqual([normal.hardBytes, pubsub.softBytes], [limits.replyQueueBytesMax, limits.pushSoftBytes])
})

test('CONFIG SET changes the classes that it names, in any of the units', () => {
  const output = new OutputLimits()
  output.set('pubsub 16mb 1000k 5')
  assert.match(
    String(output),
    new RegExp(`^normal ${limits.replyQueueBytesMax} .* pubsub ${16 * MiB} 1000000 5$`),
  )
  output.set(' NORMAL 64MB 1gb 0  replica 0 0 0')
  assert.match(String(output), new RegExp(`^normal ${64 * MiB} ${1024 * MiB} 0 `))
})

test('what is no limit is refused in words of Redis, and so is a client without a bound', () => {
  for (const [text, why] of [
    ['', /^Wrong number/],
    ['normal 1 0', /^Wrong number/],
    ['master 0 0 0', /^Invalid client class/],
    ['normal x 0 0', /^Error in hard, soft/],
    ['normal 1 -1 0', /^Error in hard, soft/],
    ['normal 1 0 1.5', /^Error in hard, soft/],
    ['normal 0 0 0', /bounded/],
    [`pubsub ${limits.replyQueueBytesMax + 1} 0 0`, /bounded/],
    ['slave 256mb 64mb 60', /no replicas/],
  ] as const) {
    assert.match(String(parseOutputLimits(text)), why, text)
  }
})

test('the soft limit counts the time without a break, the hard one none', () => {
  let nowMs = 0
  const watch = new OutputWatch({ monotonicMs: () => nowMs } as unknown as Clock)
  const limit = { hardBytes: 100, softBytes: 10, softSeconds: 2 }
  assert.equal(watch.allows(11, limit), true)
  nowMs += 1_999
  assert.equal(watch.allows(11, limit), true)
  assert.equal(watch.allows(10, limit), true)
  assert.equal(watch.allows(100, limit), true)
  nowMs += 2_000
  assert.equal(watch.allows(11, limit), false)
  assert.equal(watch.allows(101, { ...limit, softBytes: 0 }), false)
})

test('a client that takes too little for too long is closed, though nothing more comes for it', async () => {
  const fixture = await openFixture()
  const [deaf, admin] = [await fixture.client(), await fixture.client()]
  admin.command('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 128mb 1mb 1')
  assert.equal(await admin.takeUntil('\r\n'), '+OK\r\n')
  deaf.command('SET', 'large', 'x'.repeat(4 * MiB))
  assert.equal(await deaf.takeUntil('\r\n'), '+OK\r\n')
  deaf.socket.pause()
  for (let i = 0; i < 8; i++) deaf.command('GET', 'large')
  await eventually(() => fixture.doors.door.clients.all.size === 1)
  assert.ok(fixture.logs.some(({ message }) => message.includes('does not take its replies')))
  await fixture.close()
})
