/**
 * The cluster of deploy/docker/compose.yaml, exactly as a user starts it: its containers, ports, volumes and networks
 * have the names that the file gives them, so one at a time can run on a machine.
 */
import { join } from 'node:path'
import { Connection } from '../../client/connection.ts'
import { type HttpAnswer, httpRequest } from '../clients/http-client.ts'
import { until } from '../processes/wait.ts'
import type { Reachable } from '../processes/writer.ts'
import { docker, ROOT, run } from './engine.ts'

export const NETWORK = 'simple-kv_kv-cluster'
export const VOLUMES = ['simple-kv_node1-data', 'simple-kv_node2-data', 'simple-kv_node3-data']

const FOLDER = join(ROOT, 'deploy', 'docker')
const HEALTHY_MS = 180_000
const ANSWER_MS = 5_000

/** One container and the ports that the file publishes for it. */
export class Container implements Reachable {
  readonly name: string
  readonly container: string
  readonly service: string
  readonly httpPort: number
  readonly redisPort: number

  constructor(number: number) {
    this.name = `node${number}`
    this.container = `simple-kv-node${number}`
    this.service = `kv-node${number}`
    this.httpPort = 8080 + number
    this.redisPort = 6378 + number
  }

  connect(commandTimeoutMs = 10_000): Promise<Connection> {
    const url = { host: '127.0.0.1', port: this.redisPort, user: '', password: '', database: 0 }
    return Connection.open(url, { commandTimeoutMs })
  }

  /** The reply of one command as text; an error reply is thrown. */
  async command(name: string, ...args: string[]): Promise<string> {
    const connection = await this.connect()
    try {
      const reply = await connection.command(name, ...args)
      if (reply.kind === 'bulk') return reply.bytes.toString()
      return reply.kind === 'status' ? reply.text : reply.kind
    } finally {
      connection.close()
    }
  }

  async inspect(format: string): Promise<string> {
    return (await docker('inspect', '--format', format, this.container)).trim()
  }

  async isHealthy(): Promise<boolean> {
    return (await this.inspect('{{.State.Health.Status}}')) === 'healthy'
  }

  /** What GET of a path on the published HTTP port gives; fails while nobody listens behind it. */
  http(path: string): Promise<HttpAnswer> {
    return httpRequest(this.httpPort, path, { limitMs: ANSWER_MS })
  }

  ready(): Promise<boolean> {
    return until(`${this.name} is ready`, async () => (await this.http('/readyz')).status === 200)
  }
}

export const containers = [1, 2, 3].map((number) => new Container(number))

export function container(number: number): Container {
  const found = containers[number - 1]
  if (found === undefined) throw new Error(`There is no container ${number}`)
  return found
}

export function compose(...args: string[]): Promise<string> {
  return composeWith({}, ...args)
}

/** Compose with variables that the file reads. */
export function composeWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  return run('docker', ['compose', ...args], { cwd: FOLDER, env })
}

/** `docker compose up -d`; resolves to the milliseconds until Docker called all three healthy. */
export async function up(env: Readonly<Record<string, string>> = {}): Promise<number> {
  const start = performance.now()
  await composeWith(env, 'up', '-d')
  await until('three healthy containers', allHealthy, HEALTHY_MS)
  return Math.round(performance.now() - start)
}

async function allHealthy(): Promise<boolean> {
  const states = await Promise.all(containers.map((node) => node.isHealthy()))
  return states.every(Boolean)
}

/** The node that every container of `nodes` calls leader, once they agree; `other` is not accepted. */
export function leader(
  nodes: readonly Container[] = containers,
  other: Container | null = null,
): Promise<Container> {
  return until('one leader', async () => {
    const answers = await Promise.all(nodes.map((node) => node.http('/readyz/leader')))
    const leading = nodes.filter((_, index) => answers[index]?.status === 200)
    const [only] = leading
    return leading.length === 1 && only !== undefined && only !== other ? only : null
  })
}
