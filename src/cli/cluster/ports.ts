/** Who holds a TCP port: asked before anything is started, so that the answer is a name and not EADDRINUSE. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'

export interface PortHolder {
  /** null when the operating system does not tell (another user's process, or not Linux). */
  readonly pid: number | null
  /** The command line, shortened; '' when not known. */
  readonly command: string
}

const LISTENING = '0A'
const COMMAND_LENGTH = 100

/** The process that listens on the port, or null when it is free. */
export async function portHolder(host: string, port: number): Promise<PortHolder | null> {
  if (await canListen(host, port)) return null
  return process.platform === 'linux' ? findHolder(port) : { pid: null, command: '' }
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function findHolder(port: number): PortHolder {
  const sockets = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeningSockets(file, port)))
  for (const pid of listOrEmpty('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!holdsSocket(pid, sockets)) continue
    return { pid: Number(pid), command: commandLine(pid) }
  }
  return { pid: null, command: '' }
}

/** Inodes of the sockets that listen on the port, by a table of the kernel (proc(5)). */
function listeningSockets(file: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readOrEmpty(file).split('\n').slice(1)
  const fields = rows.map((row) => row.trim().split(/\s+/))
  return fields
    .filter((row) => row[1]?.endsWith(wanted) && row[3] === LISTENING)
    .map((row) => `socket:[${row[9]}]`)
}

function holdsSocket(pid: string, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  return listOrEmpty(folder).some((name) => sockets.has(linkOrEmpty(`${folder}/${name}`)))
}

function commandLine(pid: string): string {
  const words = readOrEmpty(`/proc/${pid}/cmdline`)
    .split('\0')
    .filter((word) => word !== '')
  const text = words.join(' ')
  return text.length > COMMAND_LENGTH ? `${text.slice(0, COMMAND_LENGTH)}...` : text
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function listOrEmpty(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function linkOrEmpty(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
