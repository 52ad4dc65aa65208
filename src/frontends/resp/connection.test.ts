/** One connection over a real socket: order, pipelining, limits, half-close. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import { type DoorFixture, encodeWords, eventually, openFixture } from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'

describe('a RESP connection', () => {
  let fixture: DoorFixture
  before(async () => {
    fixture = await openFixture()
  })
  after(() => fixture.close())

  test('answers commands in RESP2', async () => {
    const client = await fixture.client()
    client.command('SET', 'a', 'hello')
    client.command('GET', 'a')
    client.command('GET', 'nothing')
    client.command('MGET', 'a', 'nothing')
    const expected = '+OK\r\n$5\r\nhello\r\n$-1\r\n*2\r\n$5\r\nhello\r\n$-1\r\n'
    assert.equal(await client.take(expected.length), expected)
  })

  test('answers in RESP3 after HELLO 3, where the two nulls are one', async () => {
    const client = await fixture.client()
    client.command('HELLO', '3')
    client.command('GET', 'nothing')
    client.command('PING')
    const reply = await client.takeUntil('+PONG\r\n')
    assert.match(
      reply,
      /^%7\r\n\$6\r\nserver\r\n\$5\r\nredis\r\n.*\$5\r\nproto\r\n:3\r\n.*\*0\r\n_\r\n\+PONG\r\n$/s,
    )
  })

  test('R15: a FIN alone is no disconnect: inline lines before it are answered', async () => {
    const client = await fixture.client()
    client.socket.end('PING\r\nSET inline "a b"\r\nGET inline\n')
    assert.equal(await client.rest(), '+PONG\r\n+OK\r\n$3\r\na b\r\n')
  })

  test("unknown commands are refused with Redis' text", async () => {
    const client = await fixture.client()
    client.command('foo', 'a', 'b')
    client.command('nope')
    client.command('GET')
    client.command('CLIENT', 'nope')
    client.command('CLIENT', 'SETNAME')
    const expected =
      "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n" +
      "-ERR unknown command 'nope', with args beginning with: \r\n" +
      "-ERR wrong number of arguments for 'get' command\r\n" +
      "-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n" +
      "-ERR wrong number of arguments for 'client|setname' command\r\n"
    assert.equal(await client.take(expected.length), expected)
  })

  test('a protocol error is answered, then the connection half-closes', async () => {
    const client = await fixture.client()
    client.send('*1\r\n$4\r\nPING\r\n*1\r\nPING\r\n*1\r\n$4\r\nPING\r\n')
    assert.equal(await client.rest(), "+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n")
    client.socket.end()
    await client.until(() => client.isClosed)
  })

  test('QUIT answers OK and closes; commands behind it are not looked at', async () => {
    const client = await fixture.client()
    client.send('SET quit 1\r\nQUIT\r\nSET quit 2\r\n')
    assert.equal(await client.rest(), '+OK\r\n+OK\r\n')
    const other = await fixture.client()
    other.command('GET', 'quit')
    assert.equal(await other.take(7), '$1\r\n1\r\n')
  })

  test('a key over the limit is refused before it is sent to the cluster (R20)', async () => {
    const client = await fixture.client()
    client.command('SET', Buffer.alloc(limits.keyBytes + 1, 'k'), 'v')
    client.command('SET', Buffer.alloc(limits.keyBytes, 'k'), 'v')
    const reply = await client.takeUntil('+OK\r\n')
    assert.match(
      reply,
      /^-ERR request is larger than the limit: key is 65537 bytes, limit is 65536\r\n\+OK\r\n/,
    )
  })

  test('a value of 5 MB comes back as it was', async () => {
    const client = await fixture.client()
    const value = Buffer.alloc(5_000_000, 'kvorum\r\n')
    client.command('SET', 'large', value)
    client.command('GET', 'large')
    const expected = `+OK\r\n$${value.length}\r\n${value.toString('latin1')}\r\n`
    assert.ok((await client.take(expected.length)) === expected)
  })

  test('CLIENT REPLY OFF, ON and SKIP', async () => {
    const client = await fixture.client()
    client.send(
      'CLIENT REPLY OFF\r\nPING\r\nGET x\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO last\r\n',
    )
    assert.equal(await client.take(15), '+OK\r\n$4\r\nlast\r\n')
  })

  test('the session is told when the client is gone', async () => {
    const client = await fixture.client()
    client.command('PING')
    await client.take(7)
    const before = fixture.executor.openSessions
    client.destroy()
    await eventually(() => fixture.executor.openSessions === before - 1)
  })
})

describe('order of replies', () => {
  test('local commands wait behind reads and writes that are in execution', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const fixture = await openFixture({}, executor)
    const client = await fixture.client()
    client.send('SET a 1\r\nPING\r\nGET a\r\nECHO x\r\nINCR a\r\nPING\r\n')
    await eventually(() => executor.held === 3)
    assert.equal(client.received, '')
    executor.release(1)
    assert.equal(await client.take(12), '+OK\r\n+PONG\r\n')
    executor.release()
    assert.equal(await client.take(25), '$1\r\n1\r\n$1\r\nx\r\n:2\r\n+PONG\r\n')
    await fixture.close()
  })

  test('replies known out of order leave in order, each in the protocol of its command', async () => {
    const executor = new FakeExecutor()
    const fixture = await openFixture({}, executor)
    const done: (() => void)[] = []
    const run = executor.execute.bind(executor)
    executor.execute = (command, options, answer) => done.push(() => run(command, options, answer))
    const client = await fixture.client()
    client.send('GET a\r\nHELLO 3\r\nGET b\r\nGET c\r\n')
    await eventually(() => done.length === 3)
    for (const index of [2, 1]) done[index]?.()
    assert.equal(client.received, '')
    done[0]?.()
    await eventually(() => client.received.endsWith('_\r\n_\r\n'))
    assert.ok(client.received.startsWith('$-1\r\n%7\r\n'))
    await fixture.close()
  })

  test('a dead client costs nothing: its late replies are dropped', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const fixture = await openFixture({}, executor)
    const client = await fixture.client()
    client.send('GET a\r\nPING\r\nGET b\r\n')
    await eventually(() => executor.held === 2)
    client.socket.resetAndDestroy()
    await eventually(() => executor.openSessions === 0)
    executor.release()
    await fixture.close()
  })
})

describe('limits of a connection (R20)', () => {
  test('it is not read while too many of its commands are in execution', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const fixture = await openFixture({}, executor)
    const client = await fixture.client()
    const total = limits.pipelineCommands + 500
    client.send(Buffer.concat(Array.from({ length: total }, () => encodeWords(['GET', 'k']))))
    await eventually(() => executor.held === limits.pipelineCommands)
    executor.release(200)
    await eventually(() => executor.held === limits.pipelineCommands)
    executor.release()
    await eventually(() => executor.held === 300)
    executor.release()
    assert.equal(await client.take(5 * total), '$-1\r\n'.repeat(total))
    await fixture.close()
  })

  test('all connections pause while too much is in execution, and go on when there is room', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const fixture = await openFixture({}, executor)
    const [greedy, modest] = [await fixture.client(), await fixture.client()]
    const { inFlight } = fixture.doors.door
    greedy.send(
      Buffer.concat([1, 2, 3, 4].map((n) => encodeWords(['SET', `k${n}`, Buffer.alloc(10_000_000)]))),
    )
    await eventually(() => inFlight.isFull)
    modest.command('SET', 'modest', 'v')
    await eventually(() => fixture.doors.door.stats.bytesIn > 40_000_000)
    assert.equal(executor.held, 4)
    executor.release()
    await eventually(() => executor.held === 1)
    executor.release()
    assert.equal(await modest.take(5), '+OK\r\n')
    assert.equal(await greedy.take(20), '+OK\r\n'.repeat(4))
    assert.deepEqual([inFlight.bytes, inFlight.commands], [0, 0])
    await fixture.close()
  })

  test('a client that does not take its replies is not read, until it does', async () => {
    const fixture = await openFixture()
    const client = await fixture.client()
    client.command('SET', 'big', Buffer.alloc(1_000_000, 'x'))
    await client.take(5)
    client.socket.pause()
    const reads = 60
    client.send(Buffer.concat(Array.from({ length: reads }, () => encodeWords(['GET', 'big']))))
    const connection = [...fixture.doors.door.clients.resp.values()][0]
    await eventually(() => (connection?.replyBytes ?? 0) > limits.replyQueueBytes)
    assert.ok((connection?.replyBytes ?? 0) < limits.replyQueueBytes + 2_000_000)
    client.socket.resume()
    const size = reads * '$1000000\r\n'.length + reads * 1_000_002
    assert.equal((await client.take(size)).length, size)
    await fixture.close()
  })

  test('a client that never takes its replies is closed before they fill the memory', async () => {
    const executor = new FakeExecutor()
    const fixture = await openFixture({}, executor)
    const value = Buffer.alloc(limits.valueBytes - 1, 'x')
    const client = await fixture.client()
    client.command('SET', 'huge', value)
    await client.take(5)
    executor.isHolding = true
    client.socket.pause()
    client.send(Buffer.concat(Array.from({ length: 20 }, () => encodeWords(['GET', 'huge']))))
    await eventually(() => executor.held === 20)
    executor.release()
    await eventually(() => fixture.doors.door.clients.resp.size === 0)
    assert.ok(fixture.logs.some(({ message }) => message.includes('does not take its replies')))
    await fixture.close()
  })
})
