/**
 * LATENCY: the worst time of each kind of event, second by second, for events that took at least the threshold.
 * Bounded: the kinds are those of this file, each keeps its newest samples.
 */

/**
 * command: any command, from the turn that read it to the turn that knew its reply. fast-command: the same for those
 * flagged fast. event-loop: how much later than planned the doors' timer ran, so that everything waited.
 */
export const LATENCY_EVENTS = ['command', 'fast-command', 'event-loop'] as const
export type LatencyEvent = (typeof LATENCY_EVENTS)[number]

/** Samples kept for an event, as Redis. */
const SAMPLES = 160

export interface LatencySample {
  /** Wall clock. */
  readonly atSeconds: number
  /** The longest of that second. */
  ms: number
}

interface History {
  readonly samples: LatencySample[]
  maxMs: number
}

export class LatencyMonitor {
  readonly #events = new Map<LatencyEvent, History>()
  /** latency-monitor-threshold; 0 = off. */
  thresholdMs = 0

  /** Takes a sample when the monitor is on and `ms` reaches the threshold. */
  note(event: LatencyEvent, ms: number, atSeconds: number): void {
    if (this.thresholdMs === 0 || ms < this.thresholdMs) return
    const whole = Math.round(ms)
    const history = this.#events.get(event) ?? { samples: [], maxMs: 0 }
    this.#events.set(event, history)
    history.maxMs = Math.max(history.maxMs, whole)
    const last = history.samples[history.samples.length - 1]
    if (last?.atSeconds === atSeconds) {
      last.ms = Math.max(last.ms, whole)
      return
    }
    history.samples.push({ atSeconds, ms: whole })
    if (history.samples.length > SAMPLES) history.samples.shift()
  }

  /** Oldest first; empty for an event that never was. */
  history(event: string): readonly LatencySample[] {
    return this.#events.get(event as LatencyEvent)?.samples ?? []
  }

  /** The longest since the event was reset. */
  maxMs(event: string): number {
    return this.#events.get(event as LatencyEvent)?.maxMs ?? 0
  }

  /** Events with samples. */
  get events(): LatencyEvent[] {
    return LATENCY_EVENTS.filter((event) => this.#events.has(event))
  }

  /** Forgets the events named, or all; gives how many there were. */
  reset(events: readonly string[]): number {
    const chosen = events.length === 0 ? [...this.#events.keys()] : events
    return chosen.filter((event) => this.#events.delete(event as LatencyEvent)).length
  }
}
