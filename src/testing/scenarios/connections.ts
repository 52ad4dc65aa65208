/**
 * Many connections that do nothing, and some that behave badly: clients that never read their replies, and clients that
 * send one large command a few bytes at a time. The node must serve others, and hold no more for them than its limits.
 */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { limits } from '../../protocol/limits.ts'
import { RespClient } from '../clients/resp-client.ts'
import { encodeWords } from '../doors/door-fixture.ts'
import { withCluster } from '../processes/cluster.ts'
import { pause, until } from '../processes/wait.ts'

export interface ConnectionsOptions {
  readonly idle: number
  readonly deaf: number
  readonly slow: number
}

export interface ConnectionsReport extends ConnectionsOptions {
  readonly baseMiB: number
  readonly idleMiB: number
  readonly badMiB: number
  /** The slowest of some PINGs of another client while all are there. */
  readonly pingMs: number
  /** Replies that the node held for one deaf client, at most. */
  readonly heldMiB: number
}

const MiB = 1024 * 1024
/** Connections that are opened at once. */
const OPENING = 200
const VALUE_BYTES = MiB
/** More than limits.replyQueueBytes together; what comes behind them must not even be read. */
const DEAF_GETS = 40
const DEAF_FLOOD = 10_000
const SLOW_BYTES = 4 * MiB
const PINGS = 50

export function connections(options: ConnectionsOptions): Promise<ConnectionsReport> {
  const room = options.idle + options.deaf + options.slow + 10
  return withCluster({ size: 1, flags: { 'max-clients': room } }, async ({ nodes: [node] }) => {
    const port = node?.options.redisPort as number
    const witness = await RespClient.connect(port)
    const sockets: Socket[] = []
    try {
      await witness.command('SET', 'big', Buffer.alloc(VALUE_BYTES, 'x'))
      const baseMiB = await rssMiB(witness)
      await openIdle(port, options.idle, sockets)
      const idleMiB = await rssMiB(witness)
      for (let i = 0; i < options.deaf; i++) sockets.push(await openDeaf(port))
      const slow = await Promise.all(
        Array.from({ length: options.slow }, (_, i) => openSlow(port, i, sockets)),
      )
      await deafAreFull(witness, options)
      for (const socket of sockets.slice(options.idle, options.idle + options.deaf)) {
        socket.write('GET big\r\n'.repeat(DEAF_FLOOD))
      }
      const pingMs = await slowestPing(witness)
      const badMiB = await rssMiB(witness)
      const heldMiB = Math.round(Math.max(...(await heldBytes(witness))) / MiB)
      await Promise.all(slow.map((finish) => finish()))
      assert.equal((await clientLines(witness)).length, sockets.length + 1)
      return { ...options, baseMiB, idleMiB, badMiB, pingMs, heldMiB }
    } finally {
      for (const socket of sockets) socket.destroy()
      witness.close()
    }
  })
}

async function openIdle(port: number, count: number, sockets: Socket[]): Promise<void> {
  for (let opened = 0; opened < count; ) {
    const some = Math.min(OPENING, count - opened)
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(port)))))
    opened += some
  }
}

/** A connection that was served once. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', reject)
    socket.once('data', () => {
      socket.removeAllListeners('error')
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.write('PING\r\n')
  })
}

/** Asks for far more than it will ever read. */
async function openDeaf(port: number): Promise<Socket> {
  const socket = await open(port)
  socket.pause()
  socket.write('GET big\r\n'.repeat(DEAF_GETS))
  return socket
}

/**
 * Begins a large SET; the function given back sends the rest and waits for the answer. A slow machine may not know the
 * outcome in time, and says so: then it is sent again.
 */
async function openSlow(port: number, id: number, sockets: Socket[]): Promise<() => Promise<void>> {
  const socket = await open(port)
  sockets.push(socket)
  const bytes = encodeWords(['SET', `slow:${id}`, Buffer.alloc(SLOW_BYTES, 'y')])
  const half = Math.floor(bytes.length / 2)
  for (let at = 0; at < 200; at++) {
    socket.write(bytes.subarray(at, at + 1))
    await pause(1)
  }
  socket.write(bytes.subarray(200, half))
  return async () => {
    let reply = await answerTo(socket, bytes.subarray(half))
    while (reply.startsWith('-UNKNOWN ')) reply = await answerTo(socket, bytes)
    assert.equal(reply, '+OK\r\n')
  }
}

function answerTo(socket: Socket, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (reply: Buffer) => resolve(reply.toString()))
    socket.once('close', () => reject(new Error('The connection was closed')))
    socket.write(bytes)
  })
}

/** Until the node holds for each deaf one what makes it stop reading. */
async function deafAreFull(witness: RespClient, { deaf }: ConnectionsOptions): Promise<void> {
  await until('replies to pile up', async () => {
    const sizes = await heldBytes(witness)
    return sizes.filter((size) => size > limits.replyQueueBytes).length === deaf
  })
}

/** What the node holds for each client. */
async function heldBytes(witness: RespClient): Promise<number[]> {
  return (await clientLines(witness)).map((line) => Number(/ omem=(\d+) /.exec(line)?.[1]))
}

async function slowestPing(witness: RespClient): Promise<number> {
  let slowest = 0
  for (let i = 0; i < PINGS; i++) {
    const startMs = performance.now()
    assert.equal(await witness.text('PING'), '+PONG\r\n')
    slowest = Math.max(slowest, performance.now() - startMs)
  }
  return Math.round(slowest)
}

async function clientLines(witness: RespClient): Promise<string[]> {
  return (await witness.text('CLIENT', 'LIST'))
    .split('\n')
    .filter((line) => line.startsWith('id=') || line.includes(' addr='))
}

async function rssMiB(witness: RespClient): Promise<number> {
  const info = await witness.text('INFO', 'memory')
  return Math.round(Number(/used_memory_rss:(\d+)/.exec(info)?.[1]) / MiB)
}
