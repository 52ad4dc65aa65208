/** The TCP ports that a process listens on, from Linux's /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const LISTEN = '0A'

export function listeningPorts(pid: number): number[] {
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  const ports: number[] = []
  for (const table of ['tcp', 'tcp6']) {
    const [, ...rows] = readFileSync(`/proc/${pid}/net/${table}`, 'latin1').trim().split('\n')
    for (const row of rows) {
      const fields = row.trim().split(/\s+/)
      if (fields[3] !== LISTEN || !sockets.has(`socket:[${fields[9]}]`)) continue
      ports.push(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16))
    }
  }
  return ports.sort((a, b) => a - b)
}

/** Where a descriptor leads to; '' when it was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
