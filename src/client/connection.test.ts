/** The client against a scripted server: order, errors, timeouts, what is known when a connection is lost. */
import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { Connection, ConnectionError } from './connection.ts'
import { ReplyError, replyText } from './reply.ts'

const HELLO = '%1\r\n+proto\r\n:3\r\n'
let server: Server | null = null

/** Answers the n-th chunk with the n-th script; '' = no answer, null = close. */
async function serve(
  ...script: (string | null)[]
): Promise<{ url: string; received: string[]; sockets: Socket[] }> {
  const received: string[] = []
  const sockets: Socket[] = []
  server = createServer((socket: Socket) => {
    let turn = 0
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received.push(chunk.toString())
      const answer = script[turn++]
      if (answer === null) socket.destroy()
      else if (answer !== undefined) socket.write(answer)
    })
  })
  const listening = server
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const address = listening.address()
  return { url: `redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, received, sockets }
}

afterEach(() => {
  server?.close()
  server = null
})

describe('Connection', () => {
  test('answers settle in the order of the commands, however they are cut into packets', async () => {
    const { url } = await serve(HELLO, '+OK\r\n$5\r\nhe', 'llo\r\n:3\r\n')
    const connection = await Connection.open(url)
    const first = connection.command('SET', 'k', 'v')
    const second = connection.command('GET', 'k')
    assert.equal(replyText(await first), 'OK')
    const third = connection.command('INCR', 'n')
    assert.equal(replyText(await second), 'hello')
    assert.deepEqual(await third, { kind: 'integer', value: 3 })
    connection.close()
  })

  test('logs in and selects the database of the URL', async () => {
    const { url, received } = await serve(HELLO, '+OK\r\n')
    const connection = await Connection.open(`${url.replace('redis://', 'redis://app:s%40t@')}/2`)
    assert.match(received[0] ?? '', /AUTH\r\n\$3\r\napp\r\n\$3\r\ns@t\r\n/)
    assert.match(received[1] ?? '', /SELECT\r\n\$1\r\n2\r\n/)
    connection.close()
  })

  test('an error reply throws with its code, and the connection goes on', async () => {
    const { url } = await serve(HELLO, '-WRONGTYPE not a string\r\n', '+PONG\r\n')
    const connection = await Connection.open(url)
    await assert.rejects(connection.command('GET', 'k'), (error) => {
      return error instanceof ReplyError && error.code === 'WRONGTYPE'
    })
    assert.equal(replyText(await connection.command('PING')), 'PONG')
    connection.close()
  })

  test('a lost connection rejects what was sent and says that it was sent', async () => {
    const { url } = await serve(HELLO, null)
    const connection = await Connection.open(url)
    await assert.rejects(connection.command('INCR', 'n'), (error) => {
      return error instanceof ConnectionError && error.kind === 'lost' && error.sent
    })
    await assert.rejects(
      connection.command('PING'),
      (error) => error instanceof ConnectionError && !error.sent,
    )
  })

  test('a late answer closes the connection with a timeout', async (t) => {
    const { url } = await serve(HELLO, '')
    const connection = await Connection.open(url, { commandTimeoutMs: 600_000 })
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const late = assert.rejects(connection.command('GET', 'k'), (error) => {
      return error instanceof ConnectionError && error.kind === 'timeout' && error.sent
    })
    t.mock.timers.tick(599_999)
    assert.equal(connection.closed, false)
    t.mock.timers.tick(1)
    await late
    assert.equal(connection.closed, true)
  })

  test('an answer that has come is taken, also by a program that stood still until the time was over', async (t) => {
    const { url, received, sockets } = await serve(HELLO)
    const connection = await Connection.open(url, { commandTimeoutMs: 600_000 })
    const realTimer = setTimeout
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const reply = connection.command('PING')
    while (received.length < 2) await new Promise((resolve) => setImmediate(resolve))
    // Timers come first in a turn of the loop: nobody has looked at the socket when time is over.
    realTimer(() => {
      sockets[0]?.write('+PONG\r\n')
      t.mock.timers.tick(600_000)
    }, 0)
    assert.equal(replyText(await reply), 'PONG')
    connection.close()
  })

  test('a port where nobody listens is a connection error', async () => {
    await assert.rejects(Connection.open('redis://127.0.0.1:1'), (error) => {
      return error instanceof ConnectionError && error.kind === 'connect'
    })
  })

  test('push messages go to their handler and answer no command', async () => {
    const { url } = await serve(HELLO, '>2\r\n+invalidate\r\n_\r\n+PONG\r\n')
    const pushed: string[] = []
    const connection = await Connection.open(url, { onPush: (reply) => pushed.push(reply.kind) })
    assert.equal(replyText(await connection.command('PING')), 'PONG')
    assert.deepEqual(pushed, ['push'])
    connection.close()
  })

  test('bytes that are no RESP close the connection', async () => {
    const { url } = await serve(HELLO, 'HTTP/1.1 400 Bad Request\r\n\r\n')
    const connection = await Connection.open(url)
    await assert.rejects(connection.command('PING'), /A reply begins with "HTTP/)
  })
})
