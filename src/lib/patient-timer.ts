/**
 * Deadlines for what another side must do in time: its first bytes, a handshake, the taking of last answers. In a turn
 * of the loop timers come before bytes that have arrived, so behind a standstill of this process (SIGSTOP, a paused
 * virtual machine) an ordinary timer would cut off those who have long done their part.
 */
import type { Clock, Timer } from './clock.ts'
import { STANDSTILL_MS } from './running-time.ts'

/** The delay is waited for in so many parts; so many of them are forgiven for being far too long. */
export const PARTS = 4

/**
 * Runs `fn` once, when `delayMs` have passed in which this process ran. A part of them in which it stood still is
 * waited for once more; a process that stands still again and again comes to the end all the same.
 */
export function setPatientTimer(
  clock: Pick<Clock, 'monotonicMs' | 'setTimer'>,
  delayMs: number,
  fn: () => void,
): Timer {
  const partMs = delayMs / PARTS
  let left = PARTS
  let forgiven = PARTS
  const begin = (): Timer => {
    const dueMs = clock.monotonicMs() + partMs
    return clock.setTimer(partMs, () => {
      const isLate = clock.monotonicMs() - dueMs >= STANDSTILL_MS
      if (isLate && forgiven > 0) forgiven--
      else left--
      if (left === 0) fn()
      else timer = begin()
    })
  }
  let timer = begin()
  return { cancel: () => timer.cancel() }
}
