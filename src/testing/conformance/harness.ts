/**
 * What conformance suites need beside the seam they test: a way to let time pass until something holds. The
 * real world waits, the simulated one is driven.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Callback } from '../../storage/disk.ts'
import type { SimWorld } from '../sim/world.ts'

export interface Waiter {
  /** Resolves when `condition` holds; rejects when it does not in reasonable time. */
  wait(condition: () => boolean, what?: string): Promise<void>
}

const REAL_TIMEOUT_MS = 120_000

export const realWaiter: Waiter = {
  async wait(condition, what = 'condition') {
    const deadlineMs = performance.now() + REAL_TIMEOUT_MS
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`${what}: not reached in ${REAL_TIMEOUT_MS} ms`)
      await nextTurn()
    }
  },
}

export function simWaiter(world: SimWorld): Waiter {
  return {
    async wait(condition, what) {
      world.runUntil(condition, what)
    },
  }
}

/** Starts an operation and waits for its callback: the value, or a throw of the error. */
export async function settle<T>(waiter: Waiter, start: (done: Callback<T>) => void): Promise<T> {
  const answers: { error: Error | null; value: T }[] = []
  start((error, value) => answers.push({ error, value }))
  if (answers.length > 0) throw new Error('A callback ran inside the call')
  await waiter.wait(() => answers.length > 0, 'callback')
  const answer = answers[0]
  if (answer === undefined || answers.length !== 1) throw new Error('A callback ran more than once')
  if (answer.error !== null) throw answer.error
  return answer.value
}
