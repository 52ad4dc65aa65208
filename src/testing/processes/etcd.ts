/** Three etcd members on this machine (Debian's etcd-server), for figures beside ours. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { httpRequest } from '../clients/http-client.ts'
import { freePorts } from '../free-ports.ts'
import { findProgram } from './programs.ts'
import { until } from './wait.ts'

export interface Etcd {
  /** Client ports; the JSON gateway is at them, too. */
  readonly ports: readonly number[]
  readonly pids: readonly number[]
  /** The member that leads. */
  readonly leader: number
  close(): Promise<void>
}

/** Null when etcd is not installed. */
export async function startEtcd(): Promise<Etcd | null> {
  const program = findProgram('etcd')
  if (program === null) return null
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-etcd-'))
  const first = await freePorts(6)
  const url = (port: number): string => `http://127.0.0.1:${port}`
  const names = ['e0', 'e1', 'e2']
  const members = names.map((name, i) => `${name}=${url(first + 3 + i)}`).join(',')
  const children = names.map((name, i) => {
    const flags = {
      name,
      'data-dir': join(folder, name),
      'listen-client-urls': url(first + i),
      'advertise-client-urls': url(first + i),
      'listen-peer-urls': url(first + 3 + i),
      'initial-advertise-peer-urls': url(first + 3 + i),
      'initial-cluster': members,
      'initial-cluster-state': 'new',
      'log-level': 'error',
    }
    return spawn(
      program,
      Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
      { stdio: 'ignore' },
    )
  })
  const ports = names.map((_, i) => first + i)
  return {
    ports,
    pids: children.map((child) => child.pid ?? 0),
    leader: await until('etcd to have a leader', () => leaderOf(ports)),
    close: async () => {
      await Promise.all(children.map(ended))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

async function leaderOf(ports: readonly number[]): Promise<number | null> {
  for (const port of ports) {
    const answer = await httpRequest(port, '/v3/maintenance/status', { method: 'POST', body: {} })
    const { leader, header } = answer.json<{ leader?: string; header?: { member_id?: string } }>()
    if (leader !== undefined && leader === header?.member_id) return port
  }
  return null
}
