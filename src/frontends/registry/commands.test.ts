/** The local commands: transactions, SCAN, INFO, COMMAND, CONFIG, WAIT, what is refused. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { NodeStatus, PeerStatus } from '../../cluster/execute.ts'
import { commandTable } from '../../engine/command-table.ts'
import { limits } from '../../protocol/limits.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'
import { ScanCursors } from '../scan-cursors.ts'
import { localCommands } from './command-table.ts'

/** Sends inline lines and compares all that comes back. */
async function expectReplies(client: RawClient, lines: readonly string[], expected: string): Promise<void> {
  client.send(lines.map((line) => `${line}\r\n`).join(''))
  assert.equal(await client.take(expected.length), expected)
}

/** The text of a bulk string reply to one inline line. */
async function bulkText(client: RawClient, line: string): Promise<string> {
  client.send(`${line}\r\nECHO end-of-reply\r\n`)
  const reply = await client.takeUntil('end-of-reply\r\n')
  return reply.slice(reply.indexOf('\r\n') + 2, reply.lastIndexOf('\r\n$12'))
}

let fixture: DoorFixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

describe('MULTI and EXEC', () => {
  test('queue, then execute as one', async () => {
    const client = await fixture.client()
    const lines = ['MULTI', 'SET m 1', 'INCR m', 'GET m', 'EXEC']
    await expectReplies(client, lines, `+OK\r\n${'+QUEUED\r\n'.repeat(3)}*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n`)
  })

  test('local commands inside keep their places, and SELECT counts for what follows', async () => {
    const client = await fixture.client()
    const lines = [
      'MULTI',
      'PING',
      'SET where zero',
      'SELECT 3',
      'SET where three',
      'ECHO x',
      'EXEC',
      'GET where',
      'SELECT 0',
      'GET where',
    ]
    const replies = '*5\r\n+PONG\r\n+OK\r\n+OK\r\n+OK\r\n$1\r\nx\r\n$5\r\nthree\r\n+OK\r\n$4\r\nzero\r\n'
    await expectReplies(client, lines, `+OK\r\n${'+QUEUED\r\n'.repeat(5)}${replies}`)
  })

  test('only local commands, or none', async () => {
    const client = await fixture.client()
    await expectReplies(client, ['MULTI', 'PING', 'EXEC'], '+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n')
    await expectReplies(client, ['MULTI', 'EXEC'], '+OK\r\n*0\r\n')
  })

  test('a command refused while queueing discards all', async () => {
    const client = await fixture.client()
    const aborted = '-EXECABORT Transaction discarded because of previous errors.\r\n'
    const unknown = "-ERR unknown command 'nosuch', with args beginning with: \r\n"
    await expectReplies(
      client,
      ['MULTI', 'SET discarded 1', 'nosuch', 'EXEC'],
      `+OK\r\n+QUEUED\r\n${unknown}${aborted}`,
    )
    const arity = "-ERR wrong number of arguments for 'get' command\r\n"
    await expectReplies(client, ['MULTI', 'GET', 'EXEC', 'GET discarded'], `+OK\r\n${arity}${aborted}$-1\r\n`)
  })

  test('an error while executing stops nothing else', async () => {
    const client = await fixture.client()
    const lines = ['MULTI', 'SET text abc', 'INCR text', 'GET text', 'EXEC']
    const replies = '*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n$3\r\nabc\r\n'
    await expectReplies(client, lines, `+OK\r\n${'+QUEUED\r\n'.repeat(3)}${replies}`)
  })

  test('WAIT within it does not wait', async () => {
    const client = await fixture.client()
    await expectReplies(
      client,
      ['MULTI', 'WAIT 5 0', 'WAITAOF 1 5 0', 'WAIT x 0', 'EXEC'],
      `+OK\r\n${'+QUEUED\r\n'.repeat(3)}*3\r\n:0\r\n*2\r\n:1\r\n:0\r\n-ERR value is not an integer or out of range\r\n`,
    )
  })

  test("misuse has Redis' texts", async () => {
    const client = await fixture.client()
    await expectReplies(
      client,
      ['EXEC', 'DISCARD'],
      '-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n',
    )
    const nested = '-ERR MULTI calls can not be nested\r\n'
    const watch = '-ERR WATCH inside MULTI is not allowed\r\n'
    await expectReplies(client, ['MULTI', 'MULTI', 'WATCH a', 'DISCARD'], `+OK\r\n${nested}${watch}+OK\r\n`)
    await expectReplies(
      client,
      ['MULTI', 'CLIENT REPLY OFF', 'DISCARD'],
      '+OK\r\n-ERR CLIENT REPLY is not allowed inside a transaction here: send it before MULTI or after EXEC\r\n+OK\r\n',
    )
  })

  test('a transaction of reads goes as a read', async () => {
    const executor = new FakeExecutor()
    const own = await openFixture({}, executor)
    const client = await own.client()
    executor.isRecording = true
    await expectReplies(client, ['MULTI', 'GET a', 'EXEC'], '+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n')
    assert.deepEqual(
      executor.seen.map(({ command }) => command.spec.kind),
      ['read'],
    )
    await own.close()
  })

  test('a transaction is one command of the cluster; its size is limited (R20)', async () => {
    const executor = new FakeExecutor()
    const own = await openFixture({}, executor)
    const client = await own.client()
    executor.isRecording = true
    const count = limits.multiCommands
    client.send(`MULTI\r\n${'INCR n\r\n'.repeat(count)}INCR n\r\nEXEC\r\n`)
    const reply = await client.takeUntil('errors.\r\n')
    assert.match(reply, /-ERR request is larger than the limit: the transaction\r\n-EXECABORT/)
    assert.equal(executor.seen.length, 0)
    client.send(`MULTI\r\n${'INCR n\r\n'.repeat(count)}EXEC\r\n`)
    await client.takeUntil(`:${count}\r\n`)
    assert.equal(executor.seen.length, 1)
    await own.close()
  })
})

describe('WATCH', () => {
  test('EXEC answers null when a watched key changed, and does nothing', async () => {
    const [mine, other] = [await fixture.client(), await fixture.client()]
    await expectReplies(
      mine,
      ['SET w 1', 'WATCH w absent', 'MULTI', 'SET w mine'],
      '+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n',
    )
    await expectReplies(other, ['SET w other'], '+OK\r\n')
    await expectReplies(mine, ['EXEC', 'GET w'], '*-1\r\n$5\r\nother\r\n')
    await expectReplies(mine, ['WATCH absent', 'MULTI', 'SET w mine'], '+OK\r\n+OK\r\n+QUEUED\r\n')
    await expectReplies(other, ['SET absent now'], '+OK\r\n')
    await expectReplies(mine, ['EXEC'], '*-1\r\n')
  })

  test('an unchanged key lets EXEC pass; EXEC and UNWATCH forget', async () => {
    const [mine, other] = [await fixture.client(), await fixture.client()]
    await expectReplies(
      mine,
      ['WATCH u', 'MULTI', 'SET u 1', 'EXEC'],
      '+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n',
    )
    await expectReplies(mine, ['WATCH u', 'UNWATCH'], '+OK\r\n+OK\r\n')
    await expectReplies(other, ['SET u 2'], '+OK\r\n')
    await expectReplies(mine, ['MULTI', 'GET u', 'EXEC'], '+OK\r\n+QUEUED\r\n*1\r\n$1\r\n2\r\n')
  })

  test('a second WATCH of a key does not hide a change since the first', async () => {
    const [mine, other] = [await fixture.client(), await fixture.client()]
    await expectReplies(mine, ['WATCH twice'], '+OK\r\n')
    await expectReplies(other, ['SET twice 1'], '+OK\r\n')
    await expectReplies(
      mine,
      ['WATCH twice', 'MULTI', 'GET twice', 'EXEC'],
      '+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n',
    )
  })

  test('local commands alone are compared too, and their SELECT is not done on failure', async () => {
    const [mine, other] = [await fixture.client(), await fixture.client()]
    await expectReplies(mine, ['WATCH local'], '+OK\r\n')
    await expectReplies(other, ['SET local 1'], '+OK\r\n')
    await expectReplies(
      mine,
      ['MULTI', 'SELECT 5', 'EXEC', 'GET local'],
      '+OK\r\n+QUEUED\r\n*-1\r\n$1\r\n1\r\n',
    )
  })

  test('EXEC in the same packet waits for the revisions', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const own = await openFixture({}, executor)
    const client = await own.client()
    client.send('WATCH k\r\nMULTI\r\nSET k 1\r\nEXEC\r\nPING\r\n')
    await eventually(() => executor.held === 1)
    executor.release()
    await eventually(() => executor.held === 1)
    executor.release()
    assert.equal(await client.takeUntil('+PONG\r\n'), '+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+PONG\r\n')
    await own.close()
  })

  test('the number of watched keys is limited (R20)', async () => {
    const client = await fixture.client()
    const keys = Array.from({ length: limits.watchedKeys + 1 }, (_, i) => `k${i}`).join(' ')
    await expectReplies(client, [`WATCH ${keys}`], `-ERR more than ${limits.watchedKeys} watched keys\r\n`)
  })
})

describe('OBJECT and LCS', () => {
  test('subcommands of the engine and maps go over the wire in both protocols', async () => {
    const client = await fixture.client()
    await expectReplies(
      client,
      ['FLUSHALL', 'MSET a 12 b 2', 'object encoding a', 'OBJECT NOSUCH a', 'LCS a b IDX'],
      "+OK\r\n+OK\r\n$3\r\nint\r\n-ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP.\r\n" +
        '*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:1\r\n:1\r\n*2\r\n:0\r\n:0\r\n$3\r\nlen\r\n:1\r\n',
    )
    client.send('HELLO 3\r\nLCS a b IDX\r\nECHO end\r\n')
    assert.match(await client.takeUntil('$3\r\nend\r\n'), /%2\r\n\$7\r\nmatches\r\n/)
    const keys = await bulkText(client, 'COMMAND GETKEYS OBJECT ENCODING a')
    assert.equal(keys, '$1\r\na')
  })
})

describe('KEYS', () => {
  test('lists what matches, over as many pages as it takes, before what follows it', async () => {
    const client = await fixture.client()
    await expectReplies(client, ['FLUSHALL', 'KEYS *'], '+OK\r\n*0\r\n')
    const names = Array.from({ length: 2 * limits.scanRows + 1 }, (_, i) => `k${String(i).padStart(5, '0')}`)
    await expectReplies(
      client,
      [`MSET ${names.map((name) => `${name} 1`).join(' ')}`, 'SET other 1'],
      '+OK\r\n+OK\r\n',
    )
    const list = names.map((name) => `$${name.length}\r\n${name}\r\n`).join('')
    await expectReplies(client, ['KEYS k*', 'FLUSHALL', 'KEYS *'], `*${names.length}\r\n${list}+OK\r\n*0\r\n`)
  })

  test('is queued by MULTI as the only command on keys, beside those of the connection', async () => {
    const client = await fixture.client()
    await expectReplies(
      client,
      ['FLUSHALL', 'SET k 1', 'MULTI', 'SELECT 1', 'KEYS *', 'SELECT 0', 'PING', 'EXEC'],
      '+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n+OK\r\n*0\r\n+OK\r\n+PONG\r\n',
    )
    for (const command of ['KEYS *', 'SCAN 0', 'RANDOMKEY']) {
      client.send(`MULTI\r\n${command}\r\nEXEC\r\nECHO end\r\n`)
      assert.match(
        await client.takeUntil('$3\r\nend\r\n'),
        /QUEUED\r\n\*1\r\n[^-]*\$1\r\nk\r\n\$3\r\nend/,
        command,
      )
    }
  })

  test('is refused by MULTI beside other commands on keys, before or behind them, and with WATCH', async () => {
    const client = await fixture.client()
    const refused = /-ERR KEYS, SCAN and RANDOMKEY .*\r\n-EXECABORT /
    for (const commands of [
      ['MULTI', 'GET k', 'KEYS *'],
      ['MULTI', 'SCAN 0', 'PUBLISH c m'],
      ['MULTI', 'RANDOMKEY', 'RANDOMKEY'],
      ['WATCH k', 'MULTI', 'KEYS *'],
    ]) {
      client.send([...commands, 'EXEC', 'ECHO end', ''].join('\r\n'))
      assert.match(await client.takeUntil('$3\r\nend\r\n'), refused, commands.join(', '))
    }
  })
})

describe('SCAN', () => {
  test('gives every key once over its pages, and ends with cursor 0', async () => {
    const own = await openFixture()
    const client = await own.client()
    client.send(Array.from({ length: 25 }, (_, i) => `SET key${i} v\r\n`).join(''))
    await client.take(25 * 5)
    const found: string[] = []
    let cursor = '0'
    do {
      client.send(`SCAN ${cursor} COUNT 7\r\nPING\r\n`)
      const page = await client.takeUntil('+PONG\r\n')
      const words = page.split('\r\n').filter((word) => !/^[*$+]/.test(word) && word !== '')
      cursor = words[0] as string
      found.push(...words.slice(1))
    } while (cursor !== '0')
    assert.equal(found.length, 25)
    assert.equal(new Set(found).size, 25)
    await own.close()
  })

  test('an unknown cursor is an error, never a restart', async () => {
    const client = await fixture.client()
    const error = '-ERR invalid cursor\r\n'
    await expectReplies(client, ['SCAN 12345', 'SCAN x', 'SCAN -1'], error.repeat(3))
    client.send('SET s1 1\r\nSET s2 2\r\nSCAN 0 COUNT 1\r\n')
    await eventually(() => fixture.doors.door.cursors.size > 0)
    await client.takeUntil('\r\n')
    client.send('SCAN 0 COUNT 1\r\n')
    await eventually(() => fixture.doors.door.cursors.size > 1)
    const cursor = /\$\d+\r\n(\d+)\r\n/.exec(await client.takeUntil('\r\n'))?.[1]
    await expectReplies(client, ['SELECT 1', `SCAN ${cursor}`], `+OK\r\n${error}`)
  })

  test('remembers a bounded number of cursors, the oldest goes first', () => {
    const cursors = new ScanCursors('boot')
    const position = { database: 0, resume: Buffer.from('k') }
    const first = cursors.keep(position)
    const second = cursors.keep(position)
    for (let i = 1; i < limits.scanCursors; i++) cursors.keep(position)
    assert.equal(cursors.size, limits.scanCursors)
    assert.equal(cursors.find(first), null)
    assert.equal(cursors.find(second), position)
    assert.equal(new ScanCursors('another boot').find(second), null)
  })
})

describe('INFO', () => {
  test('has the fields that clients and exporters read', async () => {
    const client = await fixture.client()
    const text = await bulkText(client, 'INFO')
    const fields = new Set(text.split('\r\n').map((line) => line.split(':')[0]))
    const wanted =
      'redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds ' +
      'uptime_in_days hz executable config_file connected_clients blocked_clients maxclients ' +
      'tracking_clients pubsub_clients used_memory used_memory_human used_memory_rss used_memory_peak ' +
      'used_memory_dataset maxmemory maxmemory_policy total_system_memory mem_fragmentation_ratio ' +
      'number_of_cached_scripts loading rdb_last_save_time rdb_last_bgsave_status aof_enabled ' +
      'total_connections_received total_commands_processed instantaneous_ops_per_sec ' +
      'instantaneous_input_kbps instantaneous_output_kbps total_net_input_bytes total_net_output_bytes ' +
      'rejected_connections expired_keys evicted_keys keyspace_hits keyspace_misses pubsub_channels ' +
      'pubsub_patterns latest_fork_usec total_error_replies role connected_slaves master_replid ' +
      'master_repl_offset cluster_enabled raft_term raft_commit_index'
    for (const field of wanted.split(' ')) assert.ok(fields.has(field), field)
    assert.match(text, /\r\nrole:master\r\nconnected_slaves:0\r\n/)
    assert.match(text, /\r\nmaxmemory_policy:noeviction\r\n/)
  })

  test('sections can be chosen; an unknown one is empty, modules is not an error', async () => {
    const client = await fixture.client()
    assert.match(await bulkText(client, 'INFO replication'), /^# Replication\r\nrole:master\r\n/)
    assert.equal(await bulkText(client, 'INFO modules'), '# Modules\r\n')
    assert.equal(await bulkText(client, 'INFO nosuch'), '')
    assert.match(await bulkText(client, 'INFO server raft'), /^# Server\r\n.*\r\n\r\n# Raft\r\n/s)
  })

  test('counts what goes through the doors', async () => {
    const own = await openFixture()
    const client = await own.client()
    await expectReplies(
      client,
      ['SET a 1', 'GET', 'SELECT 2', 'SET b 1'],
      "+OK\r\n-ERR wrong number of arguments for 'get' command\r\n+OK\r\n+OK\r\n",
    )
    const text = await bulkText(client, 'INFO')
    assert.match(text, /\r\nconnected_clients:1\r\n/)
    assert.match(text, /\r\ntotal_commands_processed:5\r\n/)
    assert.match(text, /\r\ntotal_error_replies:1\r\n/)
    assert.match(text, /\r\ndb0:keys=1,expires=0,avg_ttl=0\r\ndb2:keys=1,expires=0,avg_ttl=0\r\n/)
    await own.close()
  })

  test('a follower says so and names the leader', async () => {
    const executor = new FakeExecutor()
    const own = await openFixture({}, executor)
    const client = await own.client()
    executor.overrides = followerStatus()
    const text = await bulkText(client, 'INFO replication')
    assert.match(
      text,
      /^# Replication\r\nrole:slave\r\nmaster_host:10.0.0.2\r\nmaster_port:6380\r\nmaster_link_status:up\r\n/,
    )
    await expectReplies(
      client,
      ['ROLE'],
      '*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.2\r\n:6380\r\n$9\r\nconnected\r\n:42\r\n',
    )
    const status = ['node_id', 'node1', 'role', 'secondary', 'election_term'].map(
      (word) => `$${word.length}\r\n${word}\r\n`,
    )
    await expectReplies(client, ['STATUS'], `*8\r\n${status.join('')}:3\r\n$6\r\nleader\r\n$5\r\nnode2\r\n`)
    executor.overrides = { ...followerStatus(), leader: '', leaderRedisAddress: '' }
    assert.match(
      await bulkText(client, 'INFO replication'),
      /master_host:\r\nmaster_port:0\r\nmaster_link_status:down/,
    )
    await own.close()
  })

  test('the leader lists the members that answer', async () => {
    const executor = new FakeExecutor()
    const own = await openFixture({}, executor)
    const client = await own.client()
    executor.overrides = { peers: [peer(1, 'node1', true), peer(2, 'node2', true), peer(3, 'node3', false)] }
    const text = await bulkText(client, 'INFO replication')
    assert.match(
      text,
      /\r\nconnected_slaves:1\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=40,lag=0\r\n/,
    )
    await expectReplies(
      client,
      ['ROLE'],
      '*3\r\n$6\r\nmaster\r\n:42\r\n*1\r\n*3\r\n$8\r\n10.0.0.2\r\n$4\r\n6380\r\n$2\r\n40\r\n',
    )
    await own.close()
  })
})

function peer(id: number, name: string, reachable: boolean): PeerStatus {
  return {
    member: { peerId: id, name, incarnation: '', peerAddress: '' },
    voter: true,
    learner: false,
    reachable,
    matchIndex: 40,
    lastHeardMs: 20,
    redisAddress: `10.0.0.${id}:6380`,
    httpAddress: '',
  }
}

function followerStatus(): Partial<NodeStatus> {
  return {
    role: 'follower',
    leader: 'node2',
    leaderRedisAddress: '10.0.0.2:6380',
    peers: [peer(2, 'node2', true)],
  }
}

describe('COMMAND', () => {
  test('knows every command that can be sent', async () => {
    const client = await fixture.client()
    const served = localCommands.filter(({ refusal }) => refusal === null)
    const names = new Set([...commandTable.keys(), ...served.map(({ spec }) => spec.name)])
    const containers = new Set([...names].map((name) => name.replace(/\|.*/, '')))
    await expectReplies(client, ['COMMAND COUNT'], `:${containers.size}\r\n`)
    client.send('HELLO 3\r\nCOMMAND\r\nCOMMAND DOCS\r\nCOMMAND LIST\r\nECHO end\r\n')
    const reply = await client.takeUntil('$3\r\nend\r\n')
    for (const name of names) assert.ok(reply.includes(`$${name.length}\r\n${name}\r\n`), name)
    assert.ok(!reply.includes('internal|'))
    assert.ok(!reply.includes('lpush'), 'a client that finds a refused command would count on it')
  })

  test('INFO and GETKEYS', async () => {
    const client = await fixture.client()
    const row = await bulkText(client, 'COMMAND INFO get nosuch')
    assert.match(row, /^\*10\r\n\$3\r\nget\r\n:2\r\n\*2\r\n\+readonly\r\n\+fast\r\n:1\r\n:1\r\n:1\r\n/)
    assert.ok(row.endsWith('$-1'))
    await expectReplies(client, ['COMMAND GETKEYS MSET a 1 b 2'], '*2\r\n$1\r\na\r\n$1\r\nb\r\n')
    await expectReplies(client, ['COMMAND GETKEYS PING'], '-ERR The command has no key arguments\r\n')
  })
})

describe('other local commands', () => {
  test('CONFIG GET answers what redis-benchmark and tools ask for', async () => {
    const client = await fixture.client()
    await expectReplies(client, ['CONFIG GET save'], '*2\r\n$4\r\nsave\r\n$0\r\n\r\n')
    await expectReplies(client, ['CONFIG GET appendonly'], '*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n')
    await expectReplies(client, ['CONFIG GET DATA*'], '*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n')
    await expectReplies(client, ['CONFIG GET nosuch'], '*0\r\n')
  })

  test('SELECT takes 0 to 15', async () => {
    const client = await fixture.client()
    const range = '-ERR DB index is out of range\r\n'
    const integer = '-ERR value is not an integer or out of range\r\n'
    await expectReplies(
      client,
      ['SELECT 15', 'SELECT 16', 'SELECT -1', 'SELECT x'],
      `+OK\r\n${range}${range}${integer}`,
    )
  })

  test('RESET forgets the protocol, the database, the name and MULTI', async () => {
    const client = await fixture.client()
    client.send('HELLO 3 SETNAME me\r\nSELECT 4\r\nMULTI\r\nRESET\r\nCLIENT GETNAME\r\nEXEC\r\n')
    const reply = await client.takeUntil('MULTI\r\n')
    assert.ok(reply.endsWith('+OK\r\n+OK\r\n+RESET\r\n$-1\r\n-ERR EXEC without MULTI\r\n'))
  })

  test('CLIENT SETINFO, SETNAME, ID, INFO and LIST', async () => {
    const client = await fixture.client()
    await expectReplies(
      client,
      ['CLIENT SETINFO lib-name x', 'CLIENT SETNAME n', 'CLIENT GETNAME'],
      '+OK\r\n+OK\r\n$1\r\nn\r\n',
    )
    const spaces = '-ERR Client names cannot contain spaces, newlines or special characters.\r\n'
    await expectReplies(
      client,
      ['CLIENT SETNAME "a b"', 'CLIENT SETINFO x y'],
      `${spaces}-ERR Unrecognized option 'x'\r\n`,
    )
    const info = await bulkText(client, 'CLIENT INFO')
    assert.match(
      info,
      /^id=\d+ addr=127.0.0.1:\d+ .* name=n .* cmd=client\|info .* lib-name=x lib-ver= consistency=\w+ speaks=resp$/m,
    )
    assert.ok((await bulkText(client, 'CLIENT LIST')).includes(' name=n '))
  })

  test('WAIT validates, and answers how many hold what was written', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const own = await openFixture({}, executor)
    const client = await own.client()
    const timeout = '-ERR timeout is not an integer or out of range\r\n'
    const lines = ['WAIT x 0', 'WAIT 0 x', 'WAIT 0 -1']
    await expectReplies(
      client,
      lines,
      `-ERR value is not an integer or out of range\r\n${timeout}-ERR timeout is negative\r\n`,
    )
    client.send('SET a 1\r\nWAIT 1 0\r\nPING\r\n')
    await eventually(() => executor.held === 1)
    executor.release()
    assert.equal(await client.take(5), '+OK\r\n')
    executor.replicas = 2
    assert.equal(await client.takeUntil('+PONG\r\n'), ':2\r\n+PONG\r\n')
    await expectReplies(client, ['WAIT 5 10'], ':2\r\n')
    await own.close()
  })

  test('SHUTDOWN goes to the node', async () => {
    const executor = new FakeExecutor()
    const own = await openFixture({}, executor)
    const client = await own.client()
    await expectReplies(client, ['SHUTDOWN nonsense'], '-ERR syntax error\r\n')
    client.send('SHUTDOWN NOSAVE NOW\r\n')
    assert.equal(await client.rest(), '+OK\r\n')
    assert.deepEqual(executor.shutdowns, [true])
    await own.close()
  })

  test("Redis' replication, cluster and Sentinel are refused with a reason", async () => {
    const client = await fixture.client()
    await expectReplies(client, ['CLUSTER INFO'], '-ERR This instance has cluster support disabled\r\n')
    for (const line of ['SENTINEL MASTERS', 'REPLICAOF NO ONE', 'PSYNC ? -1', 'REPLCONF x']) {
      client.send(`${line}\r\n`)
      const reply = await client.takeUntil('\r\n')
      assert.match(reply, /^-ERR /)
      assert.ok(!reply.includes('unknown command'))
    }
  })

  test('no two local commands have one name, and each has a summary', () => {
    const names = localCommands
      .flatMap((command) => [command, ...command.subcommands])
      .map(({ spec }) => spec.name)
    assert.equal(new Set(names).size, names.length)
    for (const { spec, subcommands, refusal } of localCommands) {
      assert.ok(refusal !== null || spec.summary.length > 10, spec.name)
      for (const sub of subcommands) assert.ok(sub.spec.name.startsWith(`${spec.name}|`), sub.spec.name)
    }
  })
})
