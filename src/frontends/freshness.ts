/**
 * Reads of doors that would rather answer with what this node has than refuse: linearizable while a majority can
 * confirm them, else stale. Such a door says which it was, or its protocol has no room for it.
 */
import type { Consistency, Executor } from '../cluster/execute.ts'
import type { ErrorCode } from '../protocol/errors.ts'

/** Refusals of a read for which this node's own state is the next best answer. */
const UNCONFIRMED: ReadonlySet<ErrorCode> = new Set(['NO_LEADER', 'NO_QUORUM'])

/** What to ask for first: waiting for a majority makes sense while a leader is known, or one can be elected. */
export function bestConsistency(executor: Executor): Consistency {
  return executor.position().leader !== '' || executor.status().quorum ? 'linearizable' : 'stale'
}

/** True when a linearizable read that ended with `error` is to be asked again as a stale one. */
export function isUnconfirmed(error: ErrorCode | null): boolean {
  return error !== null && UNCONFIRMED.has(error)
}
