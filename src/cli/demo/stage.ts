/**
 * Where a demo runs: the cluster that answers lines of JSON at the given port, or a temporary one of three nodes, which
 * is removed afterwards. Counts what the scenes expected and did not find.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JsonLines, LineError } from '../../client/compat/json-lines.ts'
import { KVStoreClient } from '../../client/compat/kv-store-client.ts'
import { must } from '../../lib/assert.ts'
import { parseHostPort } from '../../lib/host-port.ts'
import { parseJsonObject } from '../../lib/json.ts'
import { stopCluster } from '../cluster/commands.ts'
import { launchCluster } from '../cluster/launch.ts'
import { HOST } from '../cluster/layout.ts'
import { portHolder } from '../cluster/ports.ts'
import { CliError, exitCodes, print } from '../exit.ts'
import { clientPassword } from '../target.ts'

const PROBE_MS = 1_000
const NODES = 3
/** Ports of a temporary cluster: three blocks of three, looked for from here on. */
const FIRST_PORT = 10_000
const LAST_PORT = 20_000
const BLOCK = 3 * NODES
const ATTEMPTS = 50

export interface DemoNode {
  readonly node_id: string
  readonly address: string
  readonly role: 'primary' | 'secondary'
}

export class Stage {
  readonly host: string
  readonly port: number
  #failures = 0

  constructor(host: string, port: number) {
    this.host = host
    this.port = port
  }

  get failures(): number {
    return this.#failures
  }

  client(): KVStoreClient {
    return new KVStoreClient({ host: this.host, port: this.port, password: clientPassword() })
  }

  /** Every member, as the cluster tells it. */
  async nodes(): Promise<DemoNode[]> {
    const reply = parseJsonObject<{ nodes: DemoNode[] }>(await this.ask(`${this.host}:${this.port}`, 'NODES'))
    return reply?.nodes ?? []
  }

  /** One line to one node, whatever its role; the reply line. */
  async ask(address: string, line: string): Promise<string> {
    const { host, port } = must(parseHostPort(address), address)
    const lines = await JsonLines.open(host, port, PROBE_MS)
    try {
      const password = clientPassword()
      if (password !== '') await lines.ask(`AUTH ${password}`, PROBE_MS)
      return await lines.ask(line, 10 * PROBE_MS)
    } finally {
      lines.close()
    }
  }

  /** Prints what was done and whether its result is the wanted one. */
  check(what: string, result: unknown, wanted: unknown): void {
    const shown = JSON.stringify(result)
    if (shown === JSON.stringify(wanted)) return print(`  ✓ ${what} -> ${shown}`)
    this.#failures++
    print(`  ✗ ${what} -> ${shown}, wanted ${JSON.stringify(wanted)}`)
  }
}

/** Runs `scenes` on the cluster at the address, or on a temporary one when nothing listens there. */
export async function onStage(
  host: string,
  port: number,
  scenes: (stage: Stage) => Promise<void>,
): Promise<Stage> {
  const stage = new Stage(host, port)
  try {
    const answer = await stage.ask(`${host}:${port}`, 'STATUS')
    if (parseJsonObject(answer) === null) throw otherProtocol(host, port)
  } catch (error) {
    if (!(error instanceof LineError)) throw error
    if (error.sent) throw otherProtocol(host, port)
    return onTemporaryCluster(scenes)
  }
  await scenes(stage)
  return stage
}

function otherProtocol(host: string, port: number): CliError {
  const message = `What listens on ${host}:${port} does not answer in JSON`
  return new CliError(exitCodes.failed, message, 'kvorum cluster start --compat s1, or another --port')
}

async function onTemporaryCluster(scenes: (stage: Stage) => Promise<void>): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-demo-'))
  print('No cluster is running: starting a temporary one, which is removed at the end.')
  try {
    const base = await freeBlock()
    const wishes = {
      redisPort: base,
      httpPort: base + NODES,
      peerPort: base + 2 * NODES,
      compat: 's1' as const,
    }
    await launchCluster(folder, wishes, [])
    const stage = new Stage(HOST, base)
    await scenes(stage)
    return stage
  } finally {
    await stopCluster(folder).catch(() => {})
    await rm(folder, { recursive: true, force: true })
    print('The temporary cluster and its data are removed.')
  }
}

/** The first of nine ports in a row that nobody listens on. */
async function freeBlock(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const base = FIRST_PORT + Math.floor((Math.random() * (LAST_PORT - FIRST_PORT)) / BLOCK) * BLOCK
    const ports = Array.from({ length: BLOCK }, (_, index) => base + index)
    const free = await Promise.all(ports.map((port) => portHolder(HOST, port)))
    if (free.every((holder) => holder === null)) return base
  }
  throw new CliError(exitCodes.failed, `There are no ${BLOCK} free ports in a row`)
}
