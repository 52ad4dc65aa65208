/**
 * Waiting for conditions of real processes: never for a time. The limits only say when a test has failed; they are so
 * long that a machine which does many other things at once does not reach them.
 */
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 15
const LIMIT_MS = 120_000

/** A short pause of a load generator or between two looks; rejects when `signal` ends it. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return delay(ms, undefined, signal === undefined ? {} : { signal })
}

/** The first result that is neither null nor false; throws, saying `what` was waited for, after `limitMs`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | false> | T | null | false,
  limitMs = LIMIT_MS,
): Promise<T> {
  const endMs = performance.now() + limitMs
  let last: unknown = null
  for (;;) {
    try {
      const found = await look()
      if (found !== null && found !== false) return found
    } catch (error) {
      last = error
    }
    if (performance.now() > endMs) throw new Error(`Waited ${limitMs} ms for: ${what}`, { cause: last })
    await pause(POLL_MS)
  }
}
