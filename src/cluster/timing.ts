/** How patient a node is with the others. Whoever runs on a slow network or machine makes it more so, on every node. */
import { limits } from '../protocol/limits.ts'
import { timing } from '../transport/timing.ts'

/** All in milliseconds. */
export interface Timing {
  /** Silence of the leader after which a follower asks for votes: drawn from this up to twice this. */
  readonly electionMs: number
  /** Between two heartbeats of the leader; at most half of `electionMs`. */
  readonly heartbeatMs: number
  /** R15: silence of a majority after which commands are refused. */
  readonly silenceMs: number
  /** R15: how long a command waits for a leader, or for its outcome. */
  readonly holdMs: number
}

export const DEFAULT_TIMING: Timing = {
  electionMs: 400,
  heartbeatMs: 50,
  silenceMs: 1_000,
  holdMs: limits.holdMs,
}

/**
 * Silence after which a connection between nodes counts as broken, and with it its end as lost: never before an
 * election would begin without that.
 */
export function linkSilentMs({ electionMs }: Timing): number {
  return Math.max(timing.controlSilentMs, 2 * electionMs)
}

/** One tick of the core. */
export const TICK_MS = 10

/** The same for the core, which counts in ticks. */
export function coreTicks({ electionMs, heartbeatMs }: Timing): {
  readonly electionTicks: number
  readonly heartbeatTicks: number
} {
  return {
    electionTicks: Math.round(electionMs / TICK_MS),
    heartbeatTicks: Math.max(1, Math.round(heartbeatMs / TICK_MS)),
  }
}
