/**
 * Reads the Prometheus text format, strictly: every sample must belong to the family announced last, no family or
 * series may come twice, and buckets of a histogram must grow up to its count.
 */
import assert from 'node:assert/strict'

export interface ParsedMetrics {
  /** Names of families in their order. */
  readonly families: readonly string[]
  /** By the whole name of the series, labels included as they were written. */
  readonly samples: ReadonlyMap<string, number>
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/

export function parseMetrics(text: string): ParsedMetrics {
  assert.ok(text.endsWith('\n'), 'the text does not end with a line break')
  const families: string[] = []
  const samples = new Map<string, number>()
  let type = ''
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('# HELP ')) {
      const name = line.split(' ')[2] ?? ''
      assert.ok(!families.includes(name), `family ${name} comes twice`)
      families.push(name)
    } else if (line.startsWith('# TYPE ')) {
      const [, , name = '', kind = ''] = line.split(' ')
      assert.equal(name, families.at(-1), `the type of ${name} does not follow its help`)
      type = kind
    } else addSample(samples, line, families.at(-1) ?? '', type)
  }
  checkHistograms(samples)
  return { families, samples }
}

function addSample(samples: Map<string, number>, line: string, family: string, type: string): void {
  const match = SAMPLE.exec(line)
  assert.ok(match !== null, `this is no sample: ${line}`)
  const [, name = '', , value = ''] = match
  const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
  assert.ok(
    endings.some((ending) => name === family + ending),
    `${name} does not belong to ${family}`,
  )
  const series = line.slice(0, line.lastIndexOf(' '))
  assert.ok(!samples.has(series), `${series} comes twice`)
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value)
  assert.ok(!Number.isNaN(number), `${series} has no number: ${value}`)
  samples.set(series, number)
}

function checkHistograms(samples: ReadonlyMap<string, number>): void {
  let before = 0
  for (const [series, value] of samples) {
    if (!series.includes('_bucket{')) {
      before = 0
      continue
    }
    assert.ok(value >= before, `${series} is smaller than the bucket before it`)
    before = series.includes('le="+Inf"') ? 0 : value
    if (!series.includes('le="+Inf"')) continue
    const count = series
      .replace('_bucket{', '_count{')
      .replace(/,?le="\+Inf"/, '')
      .replace('{}', '')
    assert.equal(samples.get(count), value, `${count} is not the last bucket`)
  }
}
