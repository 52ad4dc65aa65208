/**
 * Starts the system's redis-server for tests that compare with it: no files, a port the system picked, own
 * process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { RespClient } from './clients/resp-client.ts'

const PATHS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server']
const START_ATTEMPTS = 100
const RETRY_MS = 50

/** A running server and a connection to it. */
export interface RedisServer {
  readonly client: RespClient
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** Where redis-server is, or null when this machine has none. */
export function findRedisServer(): string | null {
  return PATHS.find((path) => existsSync(path)) ?? null
}

/** Starts the program at `path` with `further` options and waits until it answers. */
export async function startRedisServer(path: string, further: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...further]
  const child = spawn(path, options, { stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const client = await connectTo(port, child)
  return {
    client,
    port,
    pid: child.pid ?? 0,
    stop: () => {
      client.close()
      child.kill('SIGKILL')
      return exited
    },
  }
}

async function connectTo(port: number, child: ChildProcess): Promise<RespClient> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await RespClient.connect(port)
    } catch (error) {
      if (attempt === START_ATTEMPTS || child.exitCode !== null) {
        child.kill('SIGKILL')
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
