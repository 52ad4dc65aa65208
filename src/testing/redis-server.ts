/**
 * Starts the system's redis-server for tests that compare with it: no files, a free port, own process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { RespClient } from './clients/resp-client.ts'
import { freePorts } from './free-ports.ts'
import { until } from './processes/wait.ts'

const PATHS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server']

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
  const port = await freePorts(1)
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
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  try {
    const client = await until<RespClient | 'ended'>('redis-server to answer', () =>
      hasEnded() ? 'ended' : RespClient.connect(port),
    )
    if (client === 'ended') throw new Error('redis-server ended while it was starting')
    return client
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
