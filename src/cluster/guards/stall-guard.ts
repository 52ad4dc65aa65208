/**
 * R4, the zombie leader: a log sync in flight for longer than max(election timeout, 500 ms) + 1 s per 10 MiB makes the
 * node withhold heartbeats and hand leadership over; past 30 s it closes all sockets and kills itself, because a plain
 * exit would wait for threads that hang in the kernel.
 */
import type { LogStatus } from '../../storage/log/types.ts'

const STALL_MS = 500
const MS_PER_BYTE = 1_000 / (10 * 1024 * 1024)
const DEAD_MS = 30_000

export type Stall = 'none' | 'stalled' | 'dead'

/** What the age of the log sync in flight says of the disk; `electionMs` as in Timing. */
export function judgeStall(status: Pick<LogStatus, 'syncAgeMs' | 'syncBytes'>, electionMs: number): Stall {
  if (status.syncAgeMs > DEAD_MS) return 'dead'
  const limitMs = Math.max(electionMs, STALL_MS) + status.syncBytes * MS_PER_BYTE
  return status.syncAgeMs > limitMs ? 'stalled' : 'none'
}
