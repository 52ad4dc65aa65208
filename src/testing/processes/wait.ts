/**
 * Waiting for conditions of real processes: never for a time. The limits only say when a test has failed; they are so
 * long that a machine which does many other things at once does not reach them.
 */
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 15
const LIMIT_MS = 120_000
/** Of what was seen last, in characters. */
const SHOWN = 4_000

/** A short pause of a load generator or between two looks; rejects when `signal` ends it. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return delay(ms, undefined, signal === undefined ? {} : { signal })
}

/**
 * The first result that is neither null nor false. After `limitMs` it throws, and says `what` was waited for, what was
 * `seen` at the last look, and what that look threw.
 */
export async function until<T>(
  what: string,
  look: (saw: (seen: unknown) => void) => Promise<T | null | false> | T | null | false,
  limitMs = LIMIT_MS,
): Promise<T> {
  const endMs = performance.now() + limitMs
  let seen: unknown
  let failure: unknown
  const saw = (it: unknown): void => {
    seen = it
  }
  for (;;) {
    try {
      const found = await look(saw)
      if (found !== null && found !== false) return found
      failure = undefined
    } catch (error) {
      failure = error
    }
    if (performance.now() > endMs) {
      throw new Error(`Waited ${limitMs} ms for: ${what}${lastSeen(seen)}`, { cause: failure })
    }
    await pause(POLL_MS)
  }
}

function lastSeen(seen: unknown): string {
  if (seen === undefined) return ''
  return `; seen last: ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`.slice(0, SHOWN)
}
