/** Lines of JSON over one connection: what counts as late. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { JsonLines, LineError } from './json-lines.ts'

const LIMIT_MS = 600_000

/** A connection, and its other end once a line has come there. */
async function openPair(): Promise<{ lines: JsonLines; asked: Promise<Socket>; close: () => void }> {
  let heard: (socket: Socket) => void = () => {}
  const asked = new Promise<Socket>((resolve) => {
    heard = resolve
  })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => heard(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const lines = await JsonLines.open('127.0.0.1', (server.address() as AddressInfo).port, LIMIT_MS)
  const close = (): void => {
    lines.close()
    server.close()
  }
  return { lines, asked, close }
}

test('a reply that does not come in time gives the connection up', async (t) => {
  const { lines, asked, close } = await openPair()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const late = assert.rejects(lines.ask('STATUS', LIMIT_MS), (error) => {
    return error instanceof LineError && error.sent && /no answer within/.test(error.message)
  })
  await asked
  t.mock.timers.tick(LIMIT_MS - 1)
  assert.equal(lines.isOpen, true)
  t.mock.timers.tick(1)
  await late
  assert.equal(lines.isOpen, false)
  close()
})

test('a reply that has come is taken, also by a program that stood still until the time was over', async (t) => {
  const { lines, asked, close } = await openPair()
  const realTimer = setTimeout
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const reply = lines.ask('STATUS', LIMIT_MS)
  const socket = await asked
  // Timers come first in a turn of the loop: nobody has looked at the socket when time is over.
  realTimer(() => {
    socket.write('{"status":"OK"}\n')
    t.mock.timers.tick(LIMIT_MS)
  }, 0)
  assert.equal(await reply, '{"status":"OK"}')
  close()
})
