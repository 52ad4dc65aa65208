/**
 * Ports for tests that start real processes. Test files run side by side, and the ports of a node that was killed look
 * free until it starts again: so each process takes blocks of ports that are its own until it ends. Who listens on the
 * first port of a block has the block. All are below the ports that systems give to outgoing connections.
 */
import { createServer, type Server } from 'node:net'

const LOWEST = 20_000
const HIGHEST = 32_000
const BLOCK = 100

/** The rest of the block that is being given out. */
let next = 0
let end = 0

/** The first of `count` (below 100) consecutive ports of the loopback address that are all free now. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    if (next + count > end) await takeBlock()
    const first = next
    next += count
    const ports = Array.from({ length: count }, (_, index) => first + index)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return first
  }
}

/** Begins at a random one, so that those who come at once rarely try the same. */
async function takeBlock(): Promise<void> {
  const blocks = (HIGHEST - LOWEST) / BLOCK
  const start = Math.floor(Math.random() * blocks)
  for (let i = 0; i < blocks; i++) {
    const first = LOWEST + ((start + i) % blocks) * BLOCK
    const owner = await listen(first)
    if (owner === null) continue
    owner.unref()
    next = first + 1
    end = first + BLOCK
    return
  }
  throw new Error(`No block of ports is free between ${LOWEST} and ${HIGHEST}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port)
  if (server === null) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** Null when something else has the port. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server))
  })
}
