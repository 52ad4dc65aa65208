/** Connections of the text protocols over a fake executor: framing, passwords, limits, order, the node's end. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../protocol/limits.ts'
import { eventually, openFixture, type RawClient } from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'
import { HandClock } from '../../testing/doors/hand-clock.ts'
import type { DoorsConfig } from '../config.ts'
import { LineBudget } from './line-budget.ts'

const MiB = 1024 * 1024

async function withClient(
  config: Partial<DoorsConfig>,
  run: (client: RawClient, executor: FakeExecutor) => Promise<void>,
  executor = new FakeExecutor(),
  clock?: Clock,
): Promise<void> {
  const fixture = await openFixture({ inline: 'plain', ...config }, executor, null, clock)
  try {
    await run(await fixture.client(), executor)
  } finally {
    await fixture.close()
  }
}

async function ask(client: RawClient, line: string): Promise<string> {
  client.send(`${line}\n`)
  return client.takeUntil('\n')
}

describe('framing', () => {
  test('a line may come byte by byte, or cut anywhere', () =>
    withClient({}, async (client) => {
      const script = Buffer.from('SET cut \xc3\xbc\r\nGET cut\nDEL cut\n', 'latin1')
      for (const byte of script) {
        client.send(Buffer.from([byte]))
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.equal(await client.takeUntil('DELETED\n'), 'OK\n\xc3\xbc\nDELETED\n')
      for (let at = 1; at < script.length; at++) {
        client.send(script.subarray(0, at))
        await new Promise((resolve) => setImmediate(resolve))
        client.send(script.subarray(at))
        assert.equal(await client.takeUntil('DELETED\n'), 'OK\n\xc3\xbc\nDELETED\n')
      }
    }))

  for (const [inline, wanted] of [
    ['plain', /^Error: .* more than one line.*\nKey not found\n$/],
    ['json', /^\{"status": "OK", "value": "a\\nb"\}\n\{"status": "ERROR", .*\}\n$/],
  ] as const) {
    test(`a value with a line feed does not break the replies in ${inline} form`, async () => {
      const fixture = await openFixture({ inline })
      const redis = await fixture.client()
      redis.command('SET', 'lines', 'a\nb')
      assert.equal(await redis.takeUntil('\r\n'), '+OK\r\n')
      const client = await fixture.client()
      client.send('GET lines\nGET none\n')
      await client.until(() => client.received.split('\n').length > 2)
      assert.match(client.received, wanted)
      await fixture.close()
    })
  }
})

describe('R19: passwords', () => {
  for (const [inline, refused, wrong, accepted] of [
    ['plain', /^Error: Authentication required/, /^Error: /, /^OK\n$/],
    ['json', /"code": "UNAUTHENTICATED"/, /"code": "WRONG_PASSWORD"/, /"message": "Authenticated"/],
  ] as const) {
    test(`in ${inline} form nothing is answered before AUTH`, () =>
      withClient({ inline, password: 'secret' }, async (client, executor) => {
        executor.isRecording = true
        for (const line of ['GET a', 'SET a 1', 'STATS', 'STATUS', 'SYNC', 'SHUTDOWN', 'NODES']) {
          assert.match(await ask(client, line), refused, line)
        }
        assert.match(await ask(client, 'AUTH wrong'), wrong)
        assert.match(await ask(client, 'GET a'), refused)
        assert.match(await ask(client, 'AUTH'), wrong)
        assert.deepEqual([executor.seen, executor.shutdowns], [[], []])
        assert.match(await ask(client, 'AUTH secret'), accepted)
        assert.match(await ask(client, 'GET a'), /not found/)
        assert.match(await ask(client, 'AUTH default secret'), accepted)
      }))
  }

  test('one who guesses is slowed down like on the other doors', () => {
    const clock = new HandClock()
    const guess = async (client: RawClient): Promise<void> => {
      for (let looked = 0; looked < 200; looked++) {
        if (/too many/i.test(await ask(client, `AUTH guess${looked}`))) return assert.ok(looked >= 10)
      }
      assert.fail('200 guesses were looked at')
    }
    return withClient({ password: 'secret' }, guess, new FakeExecutor(), clock)
  })
})

describe('R20: limits', () => {
  test('unfinished lines of all connections share a budget; short ones are free', () => {
    const budget = new LineBudget()
    assert.ok(budget.change(0, limits.textUnfinishedBytes))
    assert.equal(budget.change(0, 100 * 1024), false)
    assert.ok(budget.change(0, 1_000))
    assert.ok(budget.change(limits.textUnfinishedBytes, 0))
    assert.equal(budget.used, 0)
  })

  test('senders of large halves are refused together, and those who leave make room', async () => {
    const fixture = await openFixture({ inline: 'plain' })
    const half = Buffer.alloc(15 * MiB, 'x')
    const count = Math.floor(limits.textUnfinishedBytes / half.length) + 1
    const senders = await Promise.all(Array.from({ length: count }, () => fixture.client()))
    for (const sender of senders) sender.send(half)
    const refused = (): RawClient[] => senders.filter(({ received }) => received.startsWith('Error: '))
    await eventually(() => refused().length > 0)
    assert.ok(refused().length < count / 2, `${refused().length} of ${count} were refused`)
    const witness = await fixture.client()
    assert.equal(await ask(witness, 'SET w 1'), 'OK\n')
    for (const sender of senders) sender.destroy()
    await eventually(() => fixture.doors.door.lineBudget.used === 0)
    assert.equal(await ask(witness, `SET w ${'y'.repeat(100_000)}`), 'OK\n')
    await fixture.close()
  })

  test('a client that takes no replies is not read any further', async () => {
    const executor = new FakeExecutor()
    const fixture = await openFixture({ inline: 'plain' }, executor)
    const deaf = await fixture.client()
    assert.equal(await ask(deaf, `SET large ${'x'.repeat(MiB)}`), 'OK\n')
    deaf.socket.pause()
    executor.isRecording = true
    const wanted = 400
    for (let i = 0; i < wanted; i++) deaf.send('GET large\n')
    await eventually(() => executor.seen.length > 0)
    const witness = await fixture.client()
    for (let i = 0; i < 50; i++) await ask(witness, 'GET none')
    const taken = executor.seen.length - 50
    // What waits for it and what the kernel holds, not what it asked for.
    assert.ok(taken * MiB < limits.replyQueueBytesMax + 32 * MiB, `${taken} replies were made`)
    deaf.socket.resume()
    await deaf.until(() => deaf.received.length === wanted * (MiB + 1) || deaf.isClosed)
    assert.ok(deaf.isClosed || deaf.received.length === wanted * (MiB + 1))
    await fixture.close()
  })
})

describe('R17: closing', () => {
  test('what was read is answered, then it half-closes; later lines are not executed', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const fixture = await openFixture({ inline: 'plain' }, executor)
    const client = await fixture.client()
    client.send('SET a 1\nGET a\n')
    await eventually(() => executor.held === 2)
    assert.equal(fixture.doors.door.stats.textConnections, 1)
    const closed = new Promise<void>((resolve) => fixture.doors.close(resolve))
    client.send('SET a 2\n')
    executor.release()
    assert.equal(await client.rest(), 'OK\n1\n')
    client.socket.end()
    await closed
    assert.deepEqual(
      [executor.held, executor.openSessions, fixture.doors.door.stats.textConnections],
      [0, 0, 0],
    )
  })
})
