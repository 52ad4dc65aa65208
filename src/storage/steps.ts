/**
 * Runs callback steps one after the other: what storage code uses where others would await. For sequences off
 * the hot path only; each step costs a closure.
 */
import type { Callback } from './disk.ts'

export type Step = (next: Callback) => void

/** Runs the steps in order until one fails; then, or at the end, calls `done` once. */
export function steps(list: readonly Step[], done: (error: Error | null) => void): void {
  let at = 0
  const next = (error: Error | null): void => {
    const step = list[at++]
    if (error !== null || step === undefined) done(error)
    else step(next)
  }
  next(null)
}
