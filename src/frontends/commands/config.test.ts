/** CONFIG SET of what is so already, parameters given at the start, and CONFIG REWRITE. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFixture, type RawClient } from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'

async function ask(client: RawClient, ...words: string[]): Promise<string> {
  client.command(...words)
  client.command('ECHO', 'end-of-replies')
  const all = await client.takeUntil('$14\r\nend-of-replies\r\n')
  return all.slice(0, -'$14\r\nend-of-replies\r\n'.length)
}

test('a value that cannot change is taken when it is the present one, and refused else', async () => {
  const [fixture, locked] = [await openFixture(), await openFixture({ password: 'secret' })]
  const client = await fixture.client()
  for (const [name, value] of [
    ['save', ''],
    ['appendonly', 'YES'],
    ['maxmemory', '0'],
    ['maxmemory-policy', 'noeviction'],
    ['requirepass', ''],
  ] as const) {
    assert.equal(await ask(client, 'CONFIG', 'SET', name, value), '+OK\r\n', name)
  }
  for (const [name, value] of [
    ['save', '60 1'],
    ['maxmemory', '100mb'],
    ['requirepass', 'x'],
  ] as const) {
    assert.match(
      await ask(client, 'CONFIG', 'SET', name, value),
      /^-ERR CONFIG SET failed .* can't be changed: /,
      name,
    )
  }
  const owner = await locked.client()
  assert.equal(await ask(owner, 'AUTH', 'secret'), '+OK\r\n')
  assert.match(await ask(owner, 'CONFIG', 'SET', 'requirepass', ''), /can't be changed/)
  await fixture.close()
  await locked.close()
})

test('parameters that the node was started with hold', async () => {
  const limit = 'normal 1048576 0 0 slave 0 0 0 pubsub 2097152 1048576 5'
  const fixture = await openFixture({
    parameters: { timeout: '77', 'client-output-buffer-limit': limit, 'slowlog-log-slower-than': '-1' },
  })
  const client = await fixture.client()
  const all = await ask(
    client,
    'CONFIG',
    'GET',
    'timeout',
    'client-output-buffer-limit',
    'slowlog-log-slower-than',
  )
  for (const value of ['77', limit, '-1']) assert.ok(all.includes(`\r\n${value}\r\n`), all)
  await fixture.close()
})

test("loglevel has Redis' words for the levels that there are", async () => {
  const fixture = await openFixture()
  const client = await fixture.client()
  for (const [word, shown, level] of [
    ['debug', 'debug', 'debug'],
    ['VERBOSE', 'notice', 'info'],
    ['warning', 'warning', 'warn'],
    ['notice', 'notice', 'info'],
  ] as const) {
    assert.equal(await ask(client, 'CONFIG', 'SET', 'loglevel', word), '+OK\r\n')
    const reply = `*2\r\n$8\r\nloglevel\r\n$${shown.length}\r\n${shown}\r\n`
    assert.equal(await ask(client, 'CONFIG', 'GET', 'loglevel'), reply)
    assert.equal(fixture.doors.door.logLevel.level, level)
  }
  assert.match(
    await ask(client, 'CONFIG', 'SET', 'loglevel', 'constructor'),
    /must be one of the following: debug/,
  )
  await fixture.close()
})

test('REWRITE hands over what CONFIG SET changed at this node, by the keys of the file, before its reply', async () => {
  const written: [string, string | number][][] = []
  let problem: Error | null = null
  const rewrite = async (values: ReadonlyMap<string, string | number>): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    if (problem !== null) throw problem
    written.push([...values])
  }
  const fixture = await openFixture(
    { configFile: '/etc/k.toml' },
    new FakeExecutor(),
    null,
    undefined,
    rewrite,
  )
  const client = await fixture.client()
  assert.equal(await ask(client, 'CONFIG', 'REWRITE'), '+OK\r\n')
  await ask(client, 'CONFIG', 'SET', 'maxclients', '900', 'timeout', '30', 'notify-keyspace-events', 'Kx')
  await ask(client, 'CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0', 'timeout', '31')
  await ask(client, 'CONFIG', 'SET', 'maxclients', 'none')
  await ask(client, 'CONFIG', 'SET', 'loglevel', 'notice')
  client.command('CONFIG', 'REWRITE')
  client.command('CONFIG', 'SET', 'timeout', '0')
  assert.equal(await client.takeUntil('+OK\r\n+OK\r\n'), '+OK\r\n+OK\r\n')
  const limits = String(fixture.doors.door.tuning.output)
  assert.deepEqual(written, [
    [],
    [
      ['max_clients', 900],
      ['client_timeout', 31],
      ['client_output_buffer_limit', limits],
      ['log_level', 'info'],
    ],
  ])
  problem = new Error('EROFS: read-only file system')
  assert.equal(
    await ask(client, 'CONFIG', 'REWRITE'),
    '-ERR Rewriting config file: EROFS: read-only file system\r\n',
  )
  assert.match(await ask(client, 'INFO', 'server'), /\nconfig_file:\/etc\/k\.toml\r/)
  await fixture.close()
})
