/**
 * What a family of series is: one row of the table of metrics, with the function that reads its values when somebody
 * scrapes. Nothing is kept here; every value lives where it is counted.
 */
import type { Measurements, NodeStatus } from '../../../cluster/execute.ts'
import type { Histogram } from '../../../lib/histogram.ts'
import type { Door } from '../../door.ts'

/** What one scrape reads from: each taken once. */
export interface Scrape {
  readonly door: Door
  readonly status: NodeStatus
  readonly measured: Measurements
  /** Open file descriptors of the process, or null where the system does not tell. */
  readonly openFiles: number | null
}

/** Values of the labels, in the order of the family's label names, and the value. NaN: there is no such value now. */
export type Sample = readonly [labels: readonly string[], value: number]
export type HistogramSample = readonly [labels: readonly string[], histogram: Histogram]

interface FamilyBase {
  /** As in the text format: counters end in _total. */
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

export interface ValueFamily extends FamilyBase {
  readonly type: 'counter' | 'gauge'
  readonly samples: (scrape: Scrape) => Iterable<Sample>
}

export interface HistogramFamily extends FamilyBase {
  readonly type: 'histogram'
  readonly samples: (scrape: Scrape) => Iterable<HistogramSample>
}

export type Family = ValueFamily | HistogramFamily

type Read = (scrape: Scrape) => number
type ReadAll = (scrape: Scrape) => Iterable<Sample>

export function counter(name: string, help: string, read: Read): Family {
  return { type: 'counter', name, help, labels: [], samples: (scrape) => [[[], read(scrape)]] }
}

export function gauge(name: string, help: string, read: Read): Family {
  return { type: 'gauge', name, help, labels: [], samples: (scrape) => [[[], read(scrape)]] }
}

export function counters(name: string, help: string, labels: readonly string[], samples: ReadAll): Family {
  return { type: 'counter', name, help, labels, samples }
}

export function gauges(name: string, help: string, labels: readonly string[], samples: ReadAll): Family {
  return { type: 'gauge', name, help, labels, samples }
}

export function histograms(
  name: string,
  help: string,
  labels: readonly string[],
  samples: (scrape: Scrape) => Iterable<HistogramSample>,
): Family {
  return { type: 'histogram', name, help, labels, samples }
}

/** One of the counters that the node keeps by name (NodeStatus.counters); 0 before the node is formed. */
export function counted(name: string): Read {
  return ({ status }) => status.counters[name] ?? 0
}

/** Databases that hold keys, and the first one in any case. */
export function databases({ keyspace }: NodeStatus): NodeStatus['keyspace'] {
  const first = keyspace.some(({ database }) => database === 0) ? [] : [{ database: 0, keys: 0, expires: 0 }]
  return [...first, ...keyspace]
}

/** 1 or 0. */
export function flag(isTrue: boolean): number {
  return isTrue ? 1 : 0
}
