/**
 * Lines of text answered in JSON (--inline json): every request line of the primary/secondary store's users, its client
 * class through failovers, and senders that break the rules.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { KVStoreClient } from '../../client/compat/kv-store-client.ts'
import { exchangeLines, LinesClient } from '../clients/lines-client.ts'
import { openCluster, type TestCluster } from '../processes/cluster.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { steady } from '../processes/steady.ts'
import { until } from '../processes/wait.ts'

const MiB = 1024 * 1024

let cluster: TestCluster
let primary: NodeProcess
let secondary: NodeProcess

before(async () => {
  cluster = await openCluster({ flags: { inline: 'json' } })
  await lookForPrimary()
})

after(() => cluster.close())

async function lookForPrimary(): Promise<void> {
  primary = await cluster.leader()
  secondary = cluster.others(primary)[0] as NodeProcess
}

async function ask(node: NodeProcess, line: string): Promise<string> {
  const client = await LinesClient.connect(node.options.redisPort)
  try {
    return await client.ask(line)
  } finally {
    client.close()
  }
}

/** A test whose primary stays one. */
function steadyTest(name: string, check: () => Promise<void>): void {
  test(name, () => steady(cluster, check, lookForPrimary))
}

function refused(what: string): string {
  return `{"status": "ERROR", "message": "This node is not primary. ${what} not allowed."}`
}

describe('requests', () => {
  const lines: readonly (readonly [string, string])[] = [
    ['SET a hello world', `{"status": "OK", "message": "Key 'a' set"}`],
    ['GET a', '{"status": "OK", "value": "hello world"}'],
    ['SET n 42', `{"status": "OK", "message": "Key 'n' set"}`],
    ['GET n', '{"status": "OK", "value": 42}'],
    ['SET j {"a":[1,2]}', `{"status": "OK", "message": "Key 'j' set"}`],
    ['GET j', '{"status": "OK", "value": {"a": [1, 2]}}'],
    ['SET t true', `{"status": "OK", "message": "Key 't' set"}`],
    ['GET t', '{"status": "OK", "value": true}'],
    ['SET big 12345678901234567890', `{"status": "OK", "message": "Key 'big' set"}`],
    ['GET big', '{"status": "OK", "value": 12345678901234567890}'],
    ['SET nothing null', `{"status": "OK", "message": "Key 'nothing' set"}`],
    ['GET nothing', `{"status": "ERROR", "message": "Key 'nothing' not found"}`],
    ['SET u grüße', `{"status": "OK", "message": "Key 'u' set"}`],
    ['GET u', '{"status": "OK", "value": "gr\\u00fc\\u00dfe"}'],
    ['GET nope', `{"status": "ERROR", "message": "Key 'nope' not found"}`],
    ['DELETE nope', '{"status": "ERROR"}'],
    ['DELETE a', '{"status": "OK"}'],
    ['ping', '{"status": "OK", "message": "PONG"}'],
    ['SET k', '{"status": "ERROR", "message": "Unknown command: SET"}'],
    ['', '{"status": "ERROR", "message": "Empty command"}'],
    ['flush', '{"status": "ERROR", "message": "Unknown command: FLUSH"}'],
    ['SNAPSHOT', '{"status": "ERROR", "message": "Unknown command: SNAPSHOT"}'],
    [
      '{"type":"REPLICATE","operation":"SET","key":"x","value":1}',
      '{"status": "ERROR", "message": "Unknown internal command"}',
    ],
  ]

  for (const [line, reply] of lines) {
    steadyTest(`the primary answers '${line}' with ${reply}`, async () =>
      assert.equal(await ask(primary, line), reply),
    )
  }

  steadyTest('a secondary refuses reads, writes and deletes, and says which role it has', async () => {
    assert.equal(await ask(secondary, 'SET a 1'), refused('Writes'))
    assert.equal(await ask(secondary, 'GET a'), refused('Reads'))
    assert.equal(await ask(secondary, 'DELETE a'), refused('Deletes'))
    const status = JSON.parse(await ask(secondary, 'STATUS'))
    assert.deepEqual(
      { status: status.status, node_id: status.node_id, role: status.role },
      { status: 'OK', node_id: secondary.name, role: 'secondary' },
    )
    assert.equal(JSON.parse(await ask(primary, 'STATUS')).role, 'primary')
  })

  steadyTest('a secondary takes no change in the form of a message between nodes', async () => {
    const message = '{"type":"REPLICATE","operation":"SET","key":"injected","value":1}'
    assert.equal(await ask(secondary, message), '{"status": "ERROR", "message": "Unknown internal command"}')
    assert.match(await ask(primary, 'GET injected'), /not found/)
  })

  steadyTest('RESP and HTTP go on beside it on the same ports', async () => {
    await ask(primary, 'SET shared 7')
    assert.equal((await secondary.command('GET', 'shared')).kind, 'bulk')
    const response = await fetch(`http://127.0.0.1:${secondary.options.httpPort}/livez`)
    assert.equal(response.status, 200)
  })
})

describe('framing', () => {
  steadyTest('pipelined lines are commands of their own, in order', async () => {
    const answer = await exchangeLines(primary.options.redisPort, 'SET p1 1\nSET p2 2\r\nGET p1\nGET p2\n')
    const ok = (key: string) => `{"status": "OK", "message": "Key '${key}' set"}\n`
    assert.equal(answer, `${ok('p1')}${ok('p2')}{"status": "OK", "value": 1}\n{"status": "OK", "value": 2}\n`)
  })

  steadyTest('a line may arrive in two packets, cut anywhere', async () => {
    const script = Buffer.from('SET cut ü\nGET cut\n')
    const client = await LinesClient.connect(primary.options.redisPort)
    for (let at = 1; at < script.length; at++) {
      client.send(script.subarray(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      client.send(script.subarray(at))
      assert.match(await client.line(), /OK/)
      assert.equal(await client.line(), '{"status": "OK", "value": "\\u00fc"}')
    }
    client.close()
  })

  steadyTest('a value of 1 MiB comes back whole', async () => {
    const value = 'v'.repeat(MiB)
    const client = await LinesClient.connect(primary.options.redisPort)
    assert.match(await client.ask(`SET long ${value}`), /OK/)
    assert.equal(await client.ask('GET long'), `{"status": "OK", "value": "${value}"}`)
    client.close()
  })

  steadyTest('a write without the end of its line is not applied, a read is answered', async () => {
    assert.match(await exchangeLines(primary.options.redisPort, 'SET half valu'), /no end/)
    assert.match(await exchangeLines(primary.options.redisPort, 'GET half'), /not found/)
  })
})

describe('senders that break the rules', () => {
  const hostile: readonly (readonly [string, Buffer, RegExp])[] = [
    ['zero bytes', Buffer.from('\0\0\0\n'), /Unknown command/],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x20, 0xc0, 0x0a]), /Unknown command/],
    ['control characters in a verb', Buffer.from('\x1b[31mGET a\n'), /Unknown command: \?\[31MGET/],
    ['a very long verb', Buffer.from(`${'X'.repeat(10_000)}\n`), /Unknown command: X+\.\.\./],
    ['a key that is too long', Buffer.from(`SET ${'k'.repeat(70_000)} v\n`), /ERROR/],
    ['deep JSON', Buffer.from(`SET deep ${'['.repeat(100_000)}\nGET deep\n`), /"value": "\[\[/],
    ['a JSON object without a type', Buffer.from('{"a":1}\n'), /Unknown command/],
    ['only white space', Buffer.from(' \t \r\n'), /Empty command/],
  ]

  for (const [what, bytes, answer] of hostile) {
    steadyTest(`${what}: an answer, and the node serves on`, async () => {
      assert.match(await exchangeLines(primary.options.redisPort, bytes), answer)
      assert.equal(await ask(primary, 'PING'), '{"status": "OK", "message": "PONG"}')
    })
  }

  steadyTest('a line without an end is refused at the limit and its connection closed', async () => {
    const client = await LinesClient.connect(primary.options.redisPort)
    const chunk = Buffer.alloc(MiB, 0x78)
    client.send('SET endless ')
    for (let sent = 0; sent < 18 && !client.hasEnded; sent++) client.send(chunk)
    assert.match(await client.rest(), /TOO_LARGE/)
    client.close()
    assert.equal(await ask(primary, 'PING'), '{"status": "OK", "message": "PONG"}')
  })
})

describe('KVStoreClient', () => {
  test('stores and gives back every kind of JSON value', async () => {
    const client = new KVStoreClient({ port: primary.options.redisPort, timeoutMs: 120_000 })
    await client.connect()
    const values = ['text', '42', ' padded ', 'two\nlines', '', 42, 1.5, true, [1, 'a'], { a: { b: null } }]
    for (const value of values) {
      assert.deepEqual(await client.set('v', value), { status: 'OK', message: "Key 'v' set" })
      assert.deepEqual(await client.get('v'), { status: 'OK', value })
    }
    assert.deepEqual(await client.delete('v'), { status: 'OK' })
    assert.deepEqual(await client.get('v'), { status: 'ERROR', message: "Key 'v' not found" })
    assert.equal((await client.set('two words', 1)).status, 'ERROR')
    client.disconnect()
    assert.equal((await client.ping()).status, 'ERROR')
  })

  test('finds the primary from a secondary, and again when the primary was killed', async () => {
    const client = new KVStoreClient({ port: secondary.options.redisPort, timeoutMs: 120_000 })
    await client.connect()
    await client.set('before', 'the failover')
    const old = primary
    await old.kill()
    // A write that was under way may have an unknown outcome; those after it must work.
    await until('writes work again', async () => (await client.set('after', 1)).status === 'OK')
    assert.deepEqual(await client.get('before'), { status: 'OK', value: 'the failover' })
    const status = await until('the primary', async () => {
      const answer = await client.status()
      return answer.status === 'OK' && answer.role === 'primary' && answer
    })
    assert.notEqual(status.node_id, old.name)
    client.disconnect()
    await old.restart()
    await lookForPrimary()
  })
})

test('with two of three nodes down nothing is primary, and all agree again afterwards', async () => {
  const [one, two] = cluster.others(primary)
  await Promise.all([one?.kill(), two?.kill()])
  await until('the last node knows', async () => (await ask(primary, 'GET shared')) === refused('Reads'))
  assert.equal(await ask(primary, 'SET shared 8'), refused('Writes'))
  await Promise.all([one?.restart(), two?.restart()])
  const again = async () => assert.equal(await ask(primary, 'GET shared'), '{"status": "OK", "value": 7}')
  await lookForPrimary()
  await steady(cluster, again, lookForPrimary)
})
