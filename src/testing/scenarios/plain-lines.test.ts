/**
 * Lines of text in their plain form (--inline plain): every request line of simple-kv's users at every node, its
 * command line kv-cli.sh, the loss of nodes, and senders that break the rules.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exchangeLines, LinesClient } from '../clients/lines-client.ts'
import { openCluster, type TestCluster } from '../processes/cluster.ts'
import { runProgram } from '../processes/kvorum.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { until } from '../processes/wait.ts'

const MiB = 1024 * 1024
const CLI = fileURLToPath(new URL('../../../kv-cli.sh', import.meta.url))

let cluster: TestCluster

before(async () => {
  cluster = await openCluster({ flags: { inline: 'plain' } })
})

after(() => cluster.close())

const port = (index: number): number => cluster.node(index).options.httpPort

/** The lines answered to one line, sent over the port that serves everything. */
async function ask(index: number, line: string): Promise<string> {
  const client = await LinesClient.connect(port(index))
  try {
    return await client.ask(line)
  } finally {
    client.close()
  }
}

describe('requests', () => {
  const lines: readonly (readonly [string, string])[] = [
    ['SET k v', 'OK'],
    ['GET k', 'v'],
    ['set k2 v2', 'OK'],
    ['get k2', 'v2'],
    ['DEL k', 'DELETED'],
    ['DEL k', 'DELETED'],
    ['DELETE k2', 'DELETED'],
    ['GET k', 'Key not found'],
    ['SET k', 'Usage: SET key value'],
    ['SET k v w', 'Usage: SET key value'],
    ['GET', 'Usage: GET key'],
    ['GET a b', 'Usage: GET key'],
    ['DEL', 'Usage: DEL key'],
    ['XYZ', 'Unknown command: XYZ'],
    ['SYNC REQUEST', 'SYNC requested from all peers'],
    ['SET peer v|msg-id:f7854c7b-0000-4000-8000-000000000000|ts:1754412219586286400', 'OK'],
    ['GET peer', 'v'],
    ['DEL peer|msg-id:f7854c7b-0000-4000-8000-000000000001|ts:1754412219586286401', 'DELETED'],
    ['GET peer', 'Key not found'],
  ]

  test('every node answers every line, whoever leads', async () => {
    for (const [position, [line, reply]] of lines.entries()) {
      assert.equal(await ask(position % 3, line), reply, `${line} at node ${position % 3}`)
    }
  })

  test('a blank line gets no reply', async () => {
    assert.equal(await exchangeLines(port(0), '\n  \r\nGET nothing\n'), 'Key not found\n')
  })

  test('STATS counts changes and keys, the same at every node', async () => {
    await ask(0, 'SET counted 1')
    const stats = JSON.parse(await ask(0, 'STATS'))
    assert.equal(stats.total_keys, 1)
    assert.ok(stats.processed_messages > 0)
    for (const index of [1, 2]) {
      await until(
        'the node has applied it',
        async () => (await ask(index, 'STATS')) === JSON.stringify(stats),
      )
    }
  })

  test('STATS counts what was pipelined before it', async () => {
    const stats = JSON.parse(await ask(0, 'STATS'))
    const after = { processed_messages: stats.processed_messages + 2, total_keys: stats.total_keys }
    const answer = await exchangeLines(port(1), 'SET brief 1\nDEL brief\nSTATS\n')
    assert.equal(answer, `OK\nDELETED\n${JSON.stringify(after)}\n`)
  })

  test('SYNC gives everything as one line of JSON, whatever its size', async () => {
    const value = 'x'.repeat(100_000)
    for (let i = 0; i < 20; i++) assert.equal(await ask(i % 3, `SET sync-${i} ${value}`), 'OK')
    const text = await exchangeLines(port(1), 'SYNC\nGET counted\n')
    const [head, json = '', after] = text.split('\n')
    assert.equal(head, 'SNAPSHOT:')
    assert.equal(after, '1')
    const { data } = JSON.parse(json)
    assert.equal(Object.keys(data).length, 21)
    assert.equal(data['sync-7'].data, value)
    assert.match(data['sync-7'].msg_id, /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
    for (let i = 0; i < 20; i++) await ask(0, `DEL sync-${i}`)
  })

  test('RESP and HTTP are served on the same port', async () => {
    await ask(0, 'SET greeting hello')
    const response = await fetch(`http://127.0.0.1:${port(1)}/v1/kv/greeting`)
    assert.equal(await response.text(), 'hello')
    assert.equal(await exchangeLines(port(2), '*2\r\n$3\r\nGET\r\n$8\r\ngreeting\r\n'), '$5\r\nhello\r\n')
  })
})

describe('framing', () => {
  test('pipelined lines, CRLF or LF, are answered in order; a read may lack its end', async () => {
    assert.equal(await exchangeLines(port(0), 'SET a 1\r\nSET b 2\nGET a\nGET b'), 'OK\nOK\n1\n2\n')
  })

  test('a write without the end of its line is not applied', async () => {
    assert.match(await exchangeLines(port(0), 'SET half valu'), /^Error: .*no end/)
    assert.equal(await ask(0, 'GET half'), 'Key not found')
  })

  test('a value of 1 MiB comes back whole', async () => {
    const value = 'v'.repeat(MiB)
    const client = await LinesClient.connect(port(2))
    assert.equal(await client.ask(`SET long ${value}`), 'OK')
    assert.equal(await client.ask('GET long'), value)
    assert.equal(await client.ask('DEL long'), 'DELETED')
    client.close()
  })
})

describe('senders that break the rules', () => {
  const hostile: readonly (readonly [string, Buffer, RegExp])[] = [
    ['zero bytes', Buffer.from('\0\0\n'), /^Unknown command: /],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x0a]), /^Unknown command: /],
    ['a TLS handshake of a wrong version', Buffer.from('\x80\x2e\x01\x00\x02\n'), /^Unknown command: /],
    ['a mail', Buffer.from('HELO example.org\n'), /^Unknown command: HELO/],
    ['a key that is too long', Buffer.from(`SET ${'k'.repeat(70_000)} v\n`), /^Error: /],
    ['too many words', Buffer.from(`GET ${'a '.repeat(10_000)}\n`), /^Usage: GET key/],
  ]

  for (const [what, bytes, answer] of hostile) {
    test(`${what}: an answer, and the node serves on`, async () => {
      assert.match(await exchangeLines(port(0), bytes), answer)
      assert.equal(await ask(0, 'GET nothing'), 'Key not found')
    })
  }

  test('a client that never reads its replies is closed or waits; others are served', async () => {
    await ask(0, `SET large ${'x'.repeat(MiB)}`)
    const deaf = await LinesClient.connect(port(0))
    deaf.pause()
    for (let i = 0; i < 200; i++) deaf.send('GET large\n')
    assert.equal(await ask(0, 'GET nothing'), 'Key not found')
    deaf.close()
    await ask(0, 'DEL large')
  })

  test('a line without an end is refused at the limit and its connection closed', async () => {
    const client = await LinesClient.connect(port(0))
    const chunk = Buffer.alloc(MiB, 0x78)
    client.send('SET endless ')
    for (let sent = 0; sent < 18 && !client.hasEnded; sent++) client.send(chunk)
    assert.match(await client.rest(), /^Error: /)
    client.close()
  })
})

function runCli(...words: string[]) {
  const isVariable = (word: string): boolean => /^[A-Z_]+=/.test(word)
  const args = words.filter((word) => !isVariable(word))
  return runProgram('env', ['KV_HOST=127.0.0.1', ...words.filter(isVariable), 'bash', CLI, ...args])
}

test('kv-cli.sh gives the password of its environment', async () => {
  const locked = await openCluster({ size: 1, flags: { inline: 'plain', password: 'secret' } })
  try {
    const nodes = `KV_NODES=${locked.node(0).options.httpPort}`
    const file = join(locked.folder, 'password')
    await writeFile(file, 'secret\n')
    assert.match((await runCli(nodes, 'get', 'a')).stdout, /^Error: Authentication required/)
    assert.match((await runCli(nodes, 'KVORUM_PASSWORD=wrong', 'get', 'a')).stdout, /^Error: /)
    assert.equal((await runCli(nodes, 'KVORUM_PASSWORD=secret', 'set', 'a', '1')).stdout, 'OK\n')
    assert.equal((await runCli(nodes, `KVORUM_PASSWORD_FILE=${file}`, 'get', 'a')).stdout, '1\n')
    assert.match(
      (await runCli(nodes, 'KVORUM_PASSWORD_FILE=/none', 'get', 'a')).stderr,
      /^Error: Cannot read/,
    )
  } finally {
    await locked.close()
  }
})

describe('kv-cli.sh', () => {
  /** Words with '=' are for its environment. */
  const cli = (...words: string[]) => {
    const ports = [0, 1, 2].map(port).join(' ')
    return runCli(`KV_NODES=${ports}`, ...words)
  }

  test('sets, gets and deletes at the node that is named', async () => {
    assert.deepEqual(await cli('-n', 'node2', 'set', 'key2', 'value2'), {
      status: 0,
      stdout: 'OK\n',
      stderr: '',
    })
    assert.equal((await cli('--node', 'node3', 'get', 'key2')).stdout, 'value2\n')
    assert.equal((await cli('delete', 'key2')).stdout, 'DELETED\n')
    assert.equal((await cli('get', 'key2')).stdout, 'Key not found\n')
    assert.match((await cli('stats', 'node2')).stdout, /^\{"processed_messages":\d+,"total_keys":\d+\}\n$/)
    assert.equal((await cli('sync', 'node1')).stdout, 'SYNC requested from all peers\n')
  })

  test('status names every node', async () => {
    const { stdout } = await cli('status')
    const lines = [0, 1, 2].map((index) => `Node node${index + 1} (port ${port(index)}): UP`)
    assert.equal(stdout, `Checking cluster status...\n${lines.join('\n')}\n`)
  })

  test('test passes, and ends with status 1 when a node is not there', async () => {
    const passed = await cli('test')
    assert.equal(passed.status, 0)
    assert.equal(passed.stdout.match(/✓/g)?.length, 3)
    await cluster.node(2).kill()
    assert.equal((await cli('test')).status, 1)
    assert.match((await cli('status')).stdout, /node3 .*: DOWN/)
    await cluster.node(2).restart()
  })

  test('a port that takes connections and answers nothing is DOWN, and a command to it fails', async () => {
    await withServer('', async (nodes) => {
      assert.match((await runCli(nodes, 'status')).stdout, /node1 .*: DOWN/)
      const { status, stdout, stderr } = await runCli(nodes, 'set', 'a', '1')
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, /^Error: Node 'node1' ended the connection without an answer\n/)
    })
  })

  test('a refusal ends with status 1, and a value that looks like one does not', async () => {
    await withServer('Error: no\n', async (nodes) => {
      for (const words of [['set', 'a', '1'], ['del', 'a'], ['sync']]) {
        const { status, stdout } = await runCli(nodes, ...words)
        assert.deepEqual([status, stdout], [1, 'Error: no\n'], words.join(' '))
      }
      assert.equal((await runCli(nodes, 'get', 'a')).status, 0)
    })
  })

  test('demo stops a node and brings it back, with the commands it is given for that', async () => {
    const node = cluster.node(1)
    const asked: string[] = []
    const sockets: Socket[] = []
    const control = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.once('data', async (line) => {
        asked.push(line.toString().trim())
        try {
          if (asked.length === 1) await node.kill()
          else await node.start()
        } finally {
          socket.end()
        }
      })
    })
    await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
    const { port: controlPort } = control.address() as AddressInfo
    const hook = join(cluster.folder, 'hook.sh')
    await writeFile(hook, `exec 3<>/dev/tcp/127.0.0.1/${controlPort}\necho "$1 $2" >&3\ncat <&3\n`)
    try {
      const { status, stdout, stderr } = await cli(
        'demo',
        `KV_STOP=bash ${hook} stop`,
        `KV_START=bash ${hook} start`,
      )
      assert.equal(status, 0, stdout + stderr)
      assert.deepEqual(asked, ['stop node2', 'start node2'])
      assert.match(stdout, /Step 4: Stop node2[\s\S]*node2 .*: DOWN[\s\S]*Step 9[\s\S]*Demo complete/)
    } finally {
      control.close()
      for (const socket of sockets) socket.destroy()
    }
    await node.ready()
  })

  test('wrong use is told on stderr, with status 1', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['-n', 'node9', 'get', 'a'], /^Error: Invalid node 'node9'\nValid nodes: node1 node2 node3\n/],
      [[], /^Error: No command provided\n/],
      [['set', 'a'], /^Error: SET requires key and value\n/],
      [['frobnicate'], /^Error: Unknown command 'frobnicate'\n/],
      [['set', 'a', 'b\nDEL c'], /single words/],
    ]
    for (const [args, message] of cases) {
      const { status, stderr } = await cli(...args)
      assert.equal(status, 1)
      assert.match(stderr, message)
    }
  })
})

test('one of three down: writes go on; two down: refused, and reads answer; healed: all agree', async () => {
  const leader = await cluster.leader()
  const [one, two] = cluster.others(leader) as [NodeProcess, NodeProcess]
  const indexOf = (node: NodeProcess): number => cluster.nodes.indexOf(node)
  await one.kill()
  // Refused for a moment, when the other one stands still.
  await until('the write', async () => (await ask(indexOf(leader), 'SET down one')) === 'OK')
  assert.equal(await ask(indexOf(two), 'GET down'), 'one')
  await two.kill()
  await until('the last node knows', async () => !(await leader.status()).quorum)
  assert.match(await ask(indexOf(leader), 'SET down two'), /^Error: no majority/)
  assert.equal(await ask(indexOf(leader), 'GET down'), 'one')
  assert.match(await exchangeLines(leader.options.httpPort, 'SYNC\n'), /^SNAPSHOT:\n\{.*"down"/)
  await Promise.all([one.restart(), two.restart()])
  for (const index of [0, 1, 2]) assert.equal(await ask(index, 'GET down'), 'one')
})

/** A server that ends each connection with `answer`, '' = none; `use` gets the setting that makes it node1. */
async function withServer(answer: string, use: (nodes: string) => Promise<void>): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.resume()
    if (answer === '') socket.end()
    else socket.once('data', () => socket.end(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`KV_NODES=${(server.address() as AddressInfo).port}`)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
