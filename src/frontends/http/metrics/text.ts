/**
 * Families as text: the Prometheus text format 0.0.4, and OpenMetrics 1.0.0 for scrapers that ask for it. The two
 * differ in the names of counter families and in the last line.
 */
import type { Histogram } from '../../../lib/histogram.ts'
import type { Family, Scrape } from './family.ts'

export type Format = 'prometheus' | 'openmetrics'

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** The format that an Accept header asks for; Prometheus when it asks for none of the two. */
export function formatFor(accept: string | undefined): Format {
  return accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'prometheus'
}

export function contentType(format: Format): string {
  return CONTENT_TYPES[format]
}

export function renderFamilies(families: readonly Family[], scrape: Scrape, format: Format): string {
  const lines: string[] = []
  for (const family of families) renderFamily(lines, family, scrape, format)
  if (format === 'openmetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

/** A family without samples is left out. */
function renderFamily(lines: string[], family: Family, scrape: Scrape, format: Format): void {
  const samples: string[] = []
  if (family.type === 'histogram') {
    for (const [labels, histogram] of family.samples(scrape)) {
      renderHistogram(samples, family.name, labelText(family.labels, labels), histogram)
    }
  } else {
    for (const [labels, value] of family.samples(scrape)) {
      if (Number.isNaN(value)) continue
      samples.push(`${family.name}${braced(labelText(family.labels, labels))} ${numberText(value)}`)
    }
  }
  if (samples.length === 0) return
  const name = format === 'openmetrics' ? openMetricsName(family) : family.name
  lines.push(`# HELP ${name} ${escapeHelp(family.help)}`, `# TYPE ${name} ${family.type}`, ...samples)
}

/** In OpenMetrics the family of a counter is named without the ending of its samples. */
function openMetricsName({ type, name }: Family): string {
  return type === 'counter' ? name.replace(/_total$/, '') : name
}

function renderHistogram(samples: string[], name: string, labels: string, histogram: Histogram): void {
  const { bounds, counts, sum } = histogram
  const before = labels === '' ? '' : `${labels},`
  let count = 0
  counts.forEach((bucket, i) => {
    count += bucket
    const bound = i < bounds.length ? numberText(bounds[i] as number) : '+Inf'
    samples.push(`${name}_bucket{${before}le="${bound}"} ${count}`)
  })
  samples.push(`${name}_sum${braced(labels)} ${numberText(sum)}`, `${name}_count${braced(labels)} ${count}`)
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escapeLabel(values[i] ?? '')}"`).join(',')
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
