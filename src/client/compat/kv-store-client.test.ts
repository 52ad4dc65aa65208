/** KVStoreClient against a node whose answers are written down here. */
import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { KVStoreClient } from './kv-store-client.ts'

const PRIMARY = { status: 'OK', node_id: 'node1', role: 'primary', election_term: 1 }

/** Answers every line with what `answer` makes of it, while `run` runs. */
async function withNode(
  answer: (line: string) => object,
  run: (port: number, lines: readonly string[]) => Promise<void>,
): Promise<void> {
  const lines: string[] = []
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\n').slice(0, -1)) {
        lines.push(line)
        socket.write(`${JSON.stringify(answer(line))}\n`)
      }
    })
  })
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  try {
    await run(port, lines)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

test('a wrong password is told at once, and tried once', () => {
  const refused = { status: 'ERROR', message: 'wrong password', code: 'WRONG_PASSWORD' }
  return withNode(
    () => refused,
    async (port, lines) => {
      const client = new KVStoreClient({ port, password: 'wrong', timeoutMs: 3_600_000 })
      await assert.rejects(client.connect(), /wrong password/)
      assert.deepEqual(lines, ['AUTH wrong'])
      assert.deepEqual(await client.set('a', 1), refused)
      client.disconnect()
    },
  )
})

test('a node that wants a password is told apart from one that cannot be reached', () => {
  const refused = { status: 'ERROR', message: 'Authentication required.', code: 'UNAUTHENTICATED' }
  return withNode(
    () => refused,
    async (port) => {
      const client = new KVStoreClient({ port, timeoutMs: 3_600_000 })
      await assert.rejects(client.connect(), /Authentication required/)
      client.disconnect()
    },
  )
})

test('what the node does not know is unknown, and not sent again', () => {
  const unknown = { status: 'ERROR', message: 'its outcome is not known', code: 'UNKNOWN_OUTCOME' }
  return withNode(
    (line) => (line === 'STATUS' ? PRIMARY : unknown),
    async (port, lines) => {
      const client = new KVStoreClient({ port })
      await client.connect()
      assert.deepEqual(await client.set('a', 1), { ...unknown, outcome: 'unknown' })
      assert.equal(lines.filter((line) => line.startsWith('SET')).length, 1)
      client.disconnect()
    },
  )
})
