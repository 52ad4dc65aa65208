/**
 * R12, clocks that disagree: a skew of more than 1 s between nodes is an alarm, and with three known clocks the odd one
 * does not lead. The log clock keeps stamps monotonic whatever the wall clocks do; this keeps them near real time.
 */
const SKEW_MS = 1_000

export interface ClockVerdict {
  /** The largest offset of another node's wall clock from this one's, in ms; 0 when none is known. */
  readonly skewMs: number
  readonly alarm: boolean
  /** Two or more others agree with each other and not with this node. */
  readonly odd: boolean
}

/** `offsetsMs`: the other nodes' wall clocks minus this one's, as far as known. */
export function judgeClocks(offsetsMs: readonly number[]): ClockVerdict {
  const known = offsetsMs.filter((offset) => Number.isFinite(offset)).sort((a, b) => a - b)
  if (known.length === 0) return { skewMs: 0, alarm: false, odd: false }
  const low = known[0] as number
  const high = known.at(-1) as number
  const skewMs = Math.abs(low) > Math.abs(high) ? low : high
  const agree = known.length >= 2 && high - low <= SKEW_MS
  const odd = agree && (low > SKEW_MS || high < -SKEW_MS)
  return { skewMs, alarm: Math.abs(skewMs) > SKEW_MS, odd }
}
