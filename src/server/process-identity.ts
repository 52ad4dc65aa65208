/**
 * Process ids are used again; a process is the one we started only if it also began at the same moment of the same
 * boot. On Linux /proc tells; elsewhere ps does.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A text that no other process with this id has; null when there is no such process (or only its zombie). */
export function processIdentity(pid: number): string | null {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

function fromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold anything; state is the third, start the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return null
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${fields[19]}`
  } catch {
    return null
  }
}

function fromPs(pid: number): string | null {
  const result = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
  const line = result.status === 0 ? result.stdout.trim() : ''
  if (line === '' || line.startsWith('Z')) return null
  return line.replace(/^\S+\s+/, '')
}
