/** Debian's HAProxy with the configuration of deploy/haproxy, its ports and servers replaced by those of a test. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { BackgroundProgram } from '../processes/programs.ts'
import { until } from '../processes/wait.ts'
import { DEPLOY_FOLDER } from './prometheus.ts'

/** The ports of the shipped configuration, by what they are for. */
const SHIPPED = { redis: 6390, redisLeader: 6391, http: 8090, httpLeader: 8091, statistics: 8404 } as const
const SHIPPED_REDIS = 6379
const SHIPPED_HTTP = 8081

export type HaproxyPorts = Readonly<Record<keyof typeof SHIPPED, number>>

/** One server of one section, as HAProxy sees it. */
export interface ServerState {
  readonly section: string
  readonly server: string
  readonly isUp: boolean
}

/** Where a node serves, or would. */
export interface Served {
  readonly options: { readonly host: string; readonly redisPort: number; readonly httpPort: number }
}

export class Haproxy {
  readonly ports: HaproxyPorts

  constructor(ports: HaproxyPorts) {
    this.ports = ports
  }

  /** Runs HAProxy before three nodes, until `use` has ended. `edit` changes the shipped configuration. */
  static async with<T>(
    nodes: readonly Served[],
    use: (haproxy: Haproxy) => Promise<T>,
    edit: (config: string) => string = (config) => config,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'kvorum-haproxy-'))
    const first = await freePorts(Object.keys(SHIPPED).length)
    const names = Object.keys(SHIPPED) as (keyof typeof SHIPPED)[]
    const ports = Object.fromEntries(names.map((name, i) => [name, first + i])) as unknown as HaproxyPorts
    const file = join(folder, 'haproxy.cfg')
    const shipped = await readFile(join(DEPLOY_FOLDER, 'haproxy', 'haproxy.cfg'), 'utf8')
    await writeFile(file, edit(configFor(shipped, ports, nodes)))
    const program = new BackgroundProgram('haproxy', ['-f', file, '-db'])
    try {
      return await use(new Haproxy(ports))
    } catch (error) {
      process.stderr.write(`--- haproxy\n${program.output}\n`)
      throw error
    } finally {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }

  async servers(): Promise<ServerState[]> {
    const url = `http://127.0.0.1:${this.ports.statistics}/;csv`
    const text = await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text()
    const [head = '', ...rows] = text.trim().split('\n')
    const status = head.split(',').indexOf('status')
    return rows
      .map((row) => row.split(','))
      .filter(([, name = '']) => name.startsWith('node'))
      .map((cells) => ({
        section: cells[0] ?? '',
        server: cells[1] ?? '',
        isUp: (cells[status] ?? '').startsWith('UP'),
      }))
  }

  /**
   * Waits until the sections of the leader know whom `look` finds leading, and no other, and the others all of `ready`.
   * It looks each time: on a busy machine another node may be elected meanwhile.
   */
  settled(look: () => Promise<NodeProcess>, ready: readonly NodeProcess[]): Promise<NodeProcess> {
    return until('HAProxy to see who leads', async () => {
      const leader = await look()
      const servers = await this.servers()
      const isRight = servers.every(({ section, server, isUp }) => {
        const names = section.endsWith('-leader') ? [leader.name] : ready.map(({ name }) => name)
        return isUp === names.includes(server.replace('node', 'n'))
      })
      return isRight ? leader : null
    })
  }
}

/** A node of a busy machine that answers late is not taken for lost: only one that refuses connections is. */
export function patient(config: string): string {
  return replaced(config, 'timeout check 1s', 'timeout check 30s')
}

function configFor(shipped: string, ports: HaproxyPorts, nodes: readonly Served[]): string {
  let config = shipped.replaceAll('127.0.0.1:8404', ':8404')
  for (const [name, port] of Object.entries(SHIPPED)) {
    config = replaced(config, `bind :${port}`, `bind 127.0.0.1:${ports[name as keyof typeof SHIPPED]}`)
  }
  for (const [i, { options }] of nodes.entries()) {
    const { host, redisPort, httpPort } = options
    config = replaced(config, `127.0.0.1:${SHIPPED_REDIS + i} check`, `${host}:${redisPort} check`)
    config = replaced(config, `127.0.0.1:${SHIPPED_HTTP + i} check`, `${host}:${httpPort} check`)
  }
  return config
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`The shipped configuration has no '${from}'`)
  return text.replaceAll(from, to)
}
