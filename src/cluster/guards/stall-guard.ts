/**
 * R4, the zombie leader: a log sync in flight for longer than max(election timeout, 500 ms) + 1 s per 10 MiB makes the
 * node withhold heartbeats and hand leadership over; past 30 s it closes all sockets and kills itself, because a plain
 * exit would wait for threads that hang in the kernel. Only time in which this process ran counts: behind a standstill
 * (SIGSTOP, a paused virtual machine) the ticks come before the news of a sync that has long ended.
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

/** Follows the syncs of one log from tick to tick. */
export class StallGuard {
  /** The last look: the monotonic clock, and how long the process had run. */
  #lookedMs = 0
  #lookedRanMs = 0
  /** How long it had run at the last look before the sync in flight began. */
  #sinceRanMs = 0

  /** `nowMs`: read behind `status`; `ranMs`: how long this process has run by then (RunningTime). */
  judge(
    status: Pick<LogStatus, 'syncAgeMs' | 'syncBytes'>,
    electionMs: number,
    nowMs: number,
    ranMs: number,
  ): Stall {
    const isNew = status.syncAgeMs <= nowMs - this.#lookedMs
    if (isNew) this.#sinceRanMs = this.#lookedRanMs
    this.#lookedMs = nowMs
    this.#lookedRanMs = ranMs
    const syncAgeMs = Math.min(status.syncAgeMs, ranMs - this.#sinceRanMs)
    return judgeStall({ syncAgeMs, syncBytes: status.syncBytes }, electionMs)
  }
}
