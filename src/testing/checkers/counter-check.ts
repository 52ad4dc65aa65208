/**
 * Exactly-once, judged by counters: every acknowledged increment counted once, every refused one not at all,
 * every unknown one at most once. Cheaper than linearizability and exact about double execution: a history
 * with many unknown outcomes can hide one from the other checker, never from the sum.
 */
import type { Operation } from './history.ts'
import type { KeyInput, KeyOutput } from './linearizability-models.ts'

/**
 * Null when `finalValue` can be the result of these operations on one key that began absent; else what is
 * wrong. Only increments of positive amounts (and reads) may have touched the key.
 */
export function checkCounter(
  operations: readonly Operation<KeyInput, KeyOutput>[],
  finalValue: number,
): string | null {
  let acknowledged = 0
  let possible = new Set([0])
  const replies = new Set<number>()
  for (const { input, output } of operations) {
    if (input.kind !== 'increment') continue
    if (output === null) {
      possible = new Set([...possible, ...[...possible].map((sum) => sum + input.by)])
      continue
    }
    acknowledged += input.by
    if (output.kind !== 'number') return `An increment answered ${JSON.stringify(output)}`
    if (replies.has(output.number)) return `Two increments answered ${output.number}`
    replies.add(output.number)
  }
  if (possible.has(finalValue - acknowledged)) return null
  const what = `Final value is ${finalValue}, acknowledged increments make ${acknowledged}`
  if (finalValue < acknowledged) return `${what}: acknowledged writes were lost`
  return `${what}, unknown ones at most ${Math.max(...possible)} more: something was executed twice`
}
