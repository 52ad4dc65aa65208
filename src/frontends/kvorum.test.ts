/** KVORUM: what the words ask the executor for, and what comes back. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AdminRequest } from '../cluster/execute.ts'
import { type DoorFixture, openFixture } from '../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../testing/doors/fake-executor.ts'

const requests: AdminRequest[] = []
const executor = new FakeExecutor()
executor.admin = (request, done) => {
  requests.push(request)
  setImmediate(() => done(request.kind === 'removeNode' ? `${request.name} is not a member` : null))
}

let fixture: DoorFixture
before(async () => {
  fixture = await openFixture({}, executor)
})
after(() => fixture.close())

/** The replies to inline lines, as text. */
async function ask(lines: readonly string[], expected: string): Promise<void> {
  const client = await fixture.client()
  client.send(lines.map((line) => `${line}\r\n`).join(''))
  assert.equal(await client.take(expected.length), expected)
}

describe('KVORUM', () => {
  test('STATUS is the node as JSON', async () => {
    const client = await fixture.client()
    client.send('KVORUM STATUS\r\nECHO end-of-reply\r\n')
    const reply = await client.takeUntil('end-of-reply\r\n')
    const text = reply.slice(reply.indexOf('\r\n') + 2, reply.lastIndexOf('\r\n$12'))
    assert.equal(JSON.parse(text).leader, 'node1')
  })

  test('NODE and LEADER become requests, answered in their order', async () => {
    requests.length = 0
    await ask(
      [
        'KVORUM NODE ADD n4 10.0.0.4:9090',
        'PING',
        'kvorum node replace n2 n5 10.0.0.5:9090',
        'KVORUM NODE REMOVE n9',
        'KVORUM LEADER TRANSFER',
        'KVORUM LEADER TRANSFER n2',
      ],
      '+OK\r\n+PONG\r\n+OK\r\n-ERR n9 is not a member\r\n+OK\r\n+OK\r\n',
    )
    assert.deepEqual(requests, [
      { kind: 'addNode', name: 'n4', peerAddress: '10.0.0.4:9090' },
      { kind: 'replaceNode', old: 'n2', name: 'n5', peerAddress: '10.0.0.5:9090' },
      { kind: 'removeNode', name: 'n9' },
      { kind: 'transferLeader', to: null },
      { kind: 'transferLeader', to: 'n2' },
    ])
  })

  test('anything else is told what is wanted, and asks nobody', async () => {
    requests.length = 0
    const node =
      '-ERR wanted KVORUM NODE LIST | ADD name host:port | REMOVE name | REPLACE old name host:port\r\n'
    const leader = '-ERR wanted KVORUM LEADER TRANSFER [name]\r\n'
    await ask(
      ['KVORUM NODE ADD n4', 'KVORUM NODE RENAME a b', 'KVORUM LEADER SHOOT', 'KVORUM NODE LIST'],
      `${node}${node}${leader}*0\r\n`,
    )
    assert.deepEqual(requests, [])
  })
})
