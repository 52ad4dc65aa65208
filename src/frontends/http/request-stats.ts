/**
 * What is counted of HTTP requests. Series are bounded: routes are the patterns of the route table, never paths, and
 * beyond SERIES everything is counted under one name.
 */
import { Histogram } from '../../lib/histogram.ts'

const SERIES = 512
const OTHER = 'other'
const SEPARATOR = ' '
/** Methods with series of their own; clients may invent more. */
const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

export class RequestStats {
  readonly #counts = new Map<string, number>()
  readonly #durations = new Map<string, Histogram>()

  /** `route`: the pattern that matched, undefined when none did. `seconds`: from the request to the answer's end. */
  answered(method: string, route: string | undefined, status: number, seconds: number): void {
    const name = route ?? 'none'
    const key = [METHODS.has(method) ? method : OTHER, name, String(status)].join(SEPARATOR)
    const isKnown = this.#counts.has(key) || this.#counts.size < SERIES
    const counted = isKnown ? key : [OTHER, OTHER, OTHER].join(SEPARATOR)
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1)
    let histogram = this.#durations.get(name)
    if (histogram === undefined) {
      if (this.#durations.size >= SERIES) return
      histogram = new Histogram()
      this.#durations.set(name, histogram)
    }
    histogram.record(seconds)
  }

  /** [method, route, status] and how often. */
  *counts(): Iterable<readonly [string[], number]> {
    for (const [key, count] of this.#counts) yield [key.split(SEPARATOR), count]
  }

  /** Routes and their durations. */
  *durations(): Iterable<readonly [string[], Histogram]> {
    for (const [route, histogram] of this.#durations) yield [[route], histogram]
  }
}
