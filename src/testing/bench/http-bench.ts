/**
 * `npm run bench -- --http`: PUT and GET of the HTTP API at 64 connections, 16-byte keys of 100 000, 128-byte values,
 * through the leader and through a follower; beside it etcd's JSON gateway (where etcd is installed) on the same
 * machine, with the same load. Every write is synced on a majority, every read is linearizable.
 */

import { withCluster } from '../processes/cluster.ts'
import { startEtcd } from '../processes/etcd.ts'
import { cpuUs, machine } from '../processes/figures.ts'
import { httpLoad } from './http-load.ts'

const CONNECTIONS = 64
const KEYS = 100_000
const VALUE = 'v'.repeat(128)

export interface HttpRow {
  readonly target: string
  readonly operation: 'put' | 'get'
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of all members together, in microseconds. */
  readonly serverCpuUs: number
  readonly load1: number
}

interface Target {
  readonly target: string
  readonly port: number
  readonly pids: readonly number[]
  readonly requests: Requests
}

type Requests = Readonly<Record<HttpRow['operation'], (n: number) => Buffer>>

/** `print` gets one line per figure. */
export async function httpBench(requests: number, print: (text: string) => void): Promise<HttpRow[]> {
  const rows = await withCluster({}, async (cluster) => {
    const leader = await cluster.leader()
    const [follower = leader] = cluster.others(leader)
    const pids = cluster.nodes.map((node) => node.pid)
    return [
      ...(await measure(
        { target: 'kvorum leader', port: leader.options.httpPort, pids: pids, requests: ours },
        requests,
        print,
      )),
      ...(await measure(
        { target: 'kvorum follower', port: follower.options.httpPort, pids: pids, requests: ours },
        requests,
        print,
      )),
    ]
  })
  const etcd = await startEtcd()
  if (etcd === null) {
    print('etcd is not installed: no comparison')
    return rows
  }
  try {
    const follower = etcd.ports.find((port) => port !== etcd.leader) ?? etcd.leader
    const few = Math.ceil(requests / 4)
    return [
      ...rows,
      ...(await measure(
        { target: 'etcd leader', port: etcd.leader, pids: etcd.pids, requests: theirs },
        few,
        print,
      )),
      ...(await measure(
        { target: 'etcd follower', port: follower, pids: etcd.pids, requests: theirs },
        few,
        print,
      )),
    ]
  } finally {
    await etcd.close()
  }
}

async function measure(
  { target, port, pids, requests }: Target,
  count: number,
  print: (text: string) => void,
): Promise<HttpRow[]> {
  const rows: HttpRow[] = []
  for (const operation of ['put', 'get'] as const) {
    const load = { port, connections: CONNECTIONS, request: requests[operation] }
    await httpLoad({ ...load, requests: Math.ceil(count / 10) })
    const before = cpuUs(pids)
    const figures = await httpLoad({ ...load, requests: count })
    const serverCpuUs = Math.round((cpuUs(pids) - before) / count)
    const row = { target, operation, ...figures, serverCpuUs, load1: machine().load1 }
    print(line(row))
    rows.push(row)
  }
  return rows
}

function keyOf(n: number): string {
  return `key:${String((n * 7_919) % KEYS).padStart(12, '0')}`
}

const ours: Requests = {
  put: (n) => request('PUT', `/v1/kv/${keyOf(n)}`, VALUE, ''),
  get: (n) => request('GET', `/v1/kv/${keyOf(n)}`, '', ''),
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const JSON_HEADER = 'Content-Type: application/json\r\n'

const theirs: Requests = {
  put: (n) =>
    request(
      'POST',
      '/v3/kv/put',
      JSON.stringify({ key: base64(keyOf(n)), value: base64(VALUE) }),
      JSON_HEADER,
    ),
  get: (n) => request('POST', '/v3/kv/range', JSON.stringify({ key: base64(keyOf(n)) }), JSON_HEADER),
}

function request(method: string, path: string, body: string, headers: string): Buffer {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}${length}\r\n${body}`)
}

function line(row: HttpRow): string {
  const name = `${row.target} ${row.operation}`.padEnd(24)
  const rate = `${String(row.perSecond).padStart(8)}/s`
  return `${name} ${rate}  p50 ${row.p50Ms} ms, p99 ${row.p99Ms} ms, ${row.serverCpuUs} us/op (load ${row.load1})`
}
