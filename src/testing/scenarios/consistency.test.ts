/** Consistency by name, on three real nodes: what a node that lost its majority still answers, and to whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RespClient } from '../clients/resp-client.ts'
import { withCluster } from '../processes/cluster.ts'
import { until } from '../processes/wait.ts'

test('without a majority, linearizable reads are refused and stale ones answered, until it is back', async () => {
  await withCluster({}, async (cluster) => {
    const [one, two, three] = cluster.nodes
    const port = one?.options.redisPort as number
    const [plain, stale] = await Promise.all([RespClient.connect(port), RespClient.connect(port)])
    assert.equal(await plain.text('SET', 'k', 'v'), '+OK\r\n')
    assert.equal(await stale.text('READONLY'), '+OK\r\n')
    await until('the write to be applied here', async () => (await stale.text('GET', 'k')) === '$1\r\nv\r\n')
    await Promise.all([two?.kill(), three?.kill()])
    await until('the loss to be known', async (saw) => {
      const status = await one?.status()
      saw(status)
      // One that led until now might still propose a write.
      return status?.quorum === false && status.leader === ''
    })
    assert.match(await plain.text('GET', 'k'), /^-MASTERDOWN/)
    assert.equal(await stale.text('GET', 'k'), '$1\r\nv\r\n')
    assert.match(await stale.text('SET', 'k', 'w'), /^-MASTERDOWN/)
    assert.match(await stale.text('CLIENT', 'INFO'), / consistency=stale /)
    assert.match(await stale.text('SCAN', '0'), /\$1\r\nk\r\n/)
    assert.equal(await stale.text('RANDOMKEY'), '$1\r\nk\r\n')
    assert.equal(await stale.text('READWRITE'), '+OK\r\n')
    assert.match(await stale.text('GET', 'k'), /^-MASTERDOWN/)
    two?.start()
    await until('a majority', async () => (await stale.text('GET', 'k')) === '$1\r\nv\r\n')
    for (const client of [plain, stale]) client.close()
  })
})

test('RANDOMKEY gives no key whose time is over, and nothing of an empty database', async () => {
  await withCluster({ size: 1 }, async ({ nodes: [node] }) => {
    const client = await RespClient.connect(node?.options.redisPort as number)
    await client.command('SET', 'brief', 'x', 'PX', '30')
    await client.command('SET', 'kept', 'x')
    await until('the key to be over', async () => (await client.text('EXISTS', 'brief')) === ':0\r\n')
    for (let i = 0; i < 50; i++) assert.equal(await client.text('RANDOMKEY'), '$4\r\nkept\r\n')
    await client.command('SELECT', '3')
    assert.equal(await client.text('RANDOMKEY'), '$-1\r\n')
    client.close()
  })
})
