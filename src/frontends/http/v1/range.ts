/** ?key, ?prefix, or ?start and ?end, as a range of keys in byte order: `from` included, `to` not; null = no bound. */
import { ProblemError } from '../problem.ts'
import type { Query } from './query.ts'

export interface KeyRange {
  readonly from: Buffer
  readonly to: Buffer | null
}

const FIRST = Buffer.alloc(0)
const ZERO = Buffer.alloc(1)

/** Without any of them: every key. */
export function rangeOf(query: Query): KeyRange {
  const key = query.bytes('key')
  const prefix = query.bytes('prefix')
  const start = query.bytes('start')
  const end = query.bytes('end')
  const isRange = start !== null || end !== null
  if ([key !== null, prefix !== null, isRange].filter(Boolean).length > 1) {
    throw new ProblemError('BAD_REQUEST', 'wanted one of ?key, ?prefix, and ?start with ?end')
  }
  if (key !== null) return { from: key, to: Buffer.concat([key, ZERO]) }
  if (prefix !== null) return { from: prefix, to: behindPrefix(prefix) }
  return { from: start ?? FIRST, to: end }
}

/** The first key behind all that begin with `prefix`; null when there is none. */
export function behindPrefix(prefix: Buffer): Buffer | null {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return null
  const bound = Buffer.from(prefix.subarray(0, length))
  bound[length - 1] = (bound[length - 1] as number) + 1
  return bound
}
