/**
 * `npm run bench`: a three-node cluster on this machine under redis-benchmark (Debian's redis-tools), every write
 * synced on a majority. Closed loop, 16-byte keys of 100 000, 128-byte values; writes and linearizable reads from 1,
 * 64 and 256 connections through the leader and through a follower. With redis-server installed, the same load on it
 * (appendfsync always, one node) in the same run. Server CPU is that of all members together, per operation.
 *
 *   npm run bench -- [--quick] [--json FILE]
 *   npm run bench -- --http [--quick] [--json FILE]    the HTTP API instead (http-bench.ts)
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { httpBench } from './bench/http-bench.ts'
import { withCluster } from './processes/cluster.ts'
import { cpuUs, machine } from './processes/figures.ts'
import { findRedisServer, startRedisServer } from './redis-server.ts'

const run = promisify(execFile)

interface Row {
  readonly target: string
  readonly operation: 'set' | 'get'
  readonly connections: number
  readonly pipeline: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly serverCpuUs: number
  readonly load1: number
}

interface Load {
  readonly target: string
  readonly port: number
  readonly pids: readonly number[]
}

const shapes = [
  { connections: 1, pipeline: 1, operations: 5_000 },
  { connections: 64, pipeline: 1, operations: 100_000 },
  { connections: 256, pipeline: 1, operations: 100_000 },
  { connections: 50, pipeline: 16, operations: 300_000 },
]

async function measure(load: Load, quick: boolean): Promise<Row[]> {
  const rows: Row[] = []
  for (const { connections, pipeline, operations } of shapes) {
    const count = quick ? Math.ceil(operations / 10) : operations
    for (const operation of ['set', 'get'] as const) {
      const before = cpuUs(load.pids)
      const figures = await benchmark(load.port, { operation, connections, pipeline, count })
      const serverCpuUs = Math.round((cpuUs(load.pids) - before) / count)
      rows.push({
        target: load.target,
        operation,
        connections,
        pipeline,
        ...figures,
        serverCpuUs,
        load1: machine().load1,
      })
      console.log(line(rows.at(-1) as Row))
    }
  }
  return rows
}

interface Shape {
  readonly operation: 'set' | 'get'
  readonly connections: number
  readonly pipeline: number
  readonly count: number
}

async function benchmark(port: number, shape: Shape): Promise<Pick<Row, 'perSecond' | 'p50Ms' | 'p99Ms'>> {
  const { operation, connections, pipeline, count } = shape
  const args = ['-p', port, '-t', operation, '-c', connections, '-P', pipeline, '-n', count]
  const { stdout } = await run('redis-benchmark', [...args.map(String), '-d', '128', '-r', '100000', '--csv'])
  // "test","rps","avg","min","p50","p95","p99","max" in quotes, one line per test behind the head.
  const cells = stdout.trim().split('\n').at(-1)?.replaceAll('"', '').split(',').map(Number) ?? []
  return { perSecond: Math.round(cells[1] ?? 0), p50Ms: cells[4] ?? 0, p99Ms: cells[6] ?? 0 }
}

function line(row: Row): string {
  const name = `${row.target} ${row.operation} c=${row.connections}${row.pipeline > 1 ? ` P=${row.pipeline}` : ''}`
  const latency = `p50 ${row.p50Ms} ms, p99 ${row.p99Ms} ms`
  const rate = `${String(row.perSecond).padStart(8)}/s`
  return `${name.padEnd(32)} ${rate}  ${latency}, ${row.serverCpuUs} us/op (load ${row.load1})`
}

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick')
  if (process.argv.includes('--http')) return save(await httpBench(quick ? 4_000 : 40_000, console.log))
  const rows: Row[] = []
  await withCluster({}, async (cluster) => {
    const leader = await cluster.leader()
    const follower = cluster.others(leader)[0] ?? leader
    const pids = cluster.nodes.map((node) => node.pid)
    for (const [target, node] of [
      ['leader', leader],
      ['follower', follower],
    ] as const) {
      rows.push(...(await measure({ target, port: node.options.redisPort, pids }, quick)))
    }
  })
  rows.push(...(await measureRedis(quick)))
  save(rows)
}

function save(rows: readonly object[]): void {
  const place = process.argv.indexOf('--json')
  if (place > 0) writeFileSync(process.argv[place + 1] ?? 'bench.json', `${JSON.stringify(rows, null, 2)}\n`)
}

async function measureRedis(quick: boolean): Promise<Row[]> {
  const path = findRedisServer()
  if (path === null) {
    console.log('redis-server is not installed: no comparison')
    return []
  }
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-bench-'))
  const server = await startRedisServer(path, [
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--dir',
    folder,
  ])
  try {
    return await measure({ target: 'redis-server', port: server.port, pids: [server.pid] }, quick)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
