/** What deploy/prometheus ships: valid, about metrics that exist, with a runbook per alert and a test per rule. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { lacksPrograms, type ProgramResult, runWithInput } from '../processes/programs.ts'
import { readSources } from '../source-tree.ts'
import { unknownFamilies, unknownMetrics } from './metric-names.ts'
import { DEPLOY_FOLDER } from './prometheus.ts'

const root = join(DEPLOY_FOLDER, '..')
const folder = join(DEPLOY_FOLDER, 'prometheus')
const rules = readFileSync(join(folder, 'alerts.yml'), 'utf8')
const ruleTests = readFileSync(join(folder, 'alerts.test.yml'), 'utf8')
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map((match) => match[1] ?? '')

interface Area {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

interface Target {
  readonly refId: string
  readonly expr: string
  readonly datasource: object
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Area
  readonly datasource?: object
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly Target[]
}

interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly templating: { readonly list: readonly Variable[] }
  readonly panels: readonly Panel[]
}

/** Grafana's names, out of its documentation: with another one a panel is broken, or its numbers have no unit. */
const PANEL_TYPES = ['row', 'stat', 'timeseries', 'gauge', 'bargauge', 'table', 'heatmap', 'text']
const UNITS = ['none', 'short', 'ops', 'reqps', 's', 'bytes', 'Bps', 'percentunit']
const COLUMNS = 24

const overlap = (a: Area, b: Area): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

describe('the alert rules', () => {
  test('are about metrics that exist', () => {
    const expressions = [...rules.matchAll(/expr: '(.*)'/g)].map((match) => match[1] ?? '')
    assert.equal(expressions.length, alerts.length)
    for (const expression of expressions) assert.deepEqual(unknownMetrics(expression), [], expression)
  })

  test('each have a runbook, and no runbook is without its alert', () => {
    for (const name of alerts) assert.ok(rules.includes(`runbook: docs/runbooks/${name}.md`), name)
    for (const [, path] of rules.matchAll(/runbook: (\S+)/g))
      assert.ok(existsSync(join(root, path ?? '')), path)
    const pages = readdirSync(join(root, 'docs', 'runbooks')).filter((name) => name !== 'README.md')
    assert.deepEqual(pages.map((name) => name.replace('.md', '')).sort(), [...alerts].sort())
    const index = readFileSync(join(root, 'docs', 'runbooks', 'README.md'), 'utf8')
    for (const name of alerts) assert.ok(index.includes(`(${name}.md)`), name)
  })

  test('stand in their runbooks as they are', () => {
    for (const [, name, expression] of rules.matchAll(/- alert: (\w+)\n\s+expr: '(.*)'/g)) {
      const page = readFileSync(join(root, 'docs', 'runbooks', `${name}.md`), 'utf8')
      assert.ok(page.includes(expression ?? ''), name)
      assert.deepEqual(unknownFamilies(page), [], name)
    }
  })

  test('lead to a page that says where to look and what to do, in lines that nodes really log', () => {
    const sources = readSources(root)
      .filter(({ isTest }) => !isTest)
      .map(({ text }) => text)
      .join('')
    for (const name of alerts) {
      const page = readFileSync(join(root, 'docs', 'runbooks', `${name}.md`), 'utf8')
      assert.match(page, /\n## Look\n\n- [\s\S]+\n## Do\n\n- /, name)
      for (const line of loggedLines(page)) assert.match(sources, line, `${name}: ${line}`)
    }
  })

  test('are each unit-tested, silent and then firing, by their own name', () => {
    const units = ruleTests.split(/^ {2}- name: /m).slice(1)
    assert.deepEqual(
      units.map((unit) => unit.slice(0, unit.indexOf('\n'))),
      alerts,
    )
    for (const unit of units) {
      const name = unit.slice(0, unit.indexOf('\n'))
      const asked = [...unit.matchAll(/alertname: (\w+)\n\s+exp_alerts:( \[\])?/g)]
      assert.deepEqual(
        asked.map((match) => [match[1], match[2] !== undefined]),
        [
          [name, true],
          [name, false],
        ],
        name,
      )
    }
  })

  test('pass promtool: config, rules and their unit tests', async (t) => {
    const reason = lacksPrograms('promtool')
    if (reason !== null) return t.skip(reason)
    for (const [verb, kind, file] of [
      ['check', 'config', 'prometheus.yml'],
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ] as const) {
      const { status, output } = await runWithInput('promtool', [verb, kind, join(folder, file)])
      assert.equal(status, 0, output)
    }
    return undefined
  })
})

describe('the Grafana dashboard', () => {
  const dashboard = JSON.parse(readFileSync(join(folder, 'grafana-dashboard.json'), 'utf8')) as Dashboard
  const panels = dashboard.panels.filter(({ type }) => type !== 'row')
  const variables = dashboard.templating.list

  test('asks only for metrics that exist, in every panel', () => {
    assert.ok(panels.length > 20)
    for (const { title, targets = [] } of panels) {
      assert.ok(targets.length > 0, title)
      for (const { expr } of targets) assert.deepEqual(unknownMetrics(expr), [], title)
    }
  })

  test('has the form that Grafana reads: types, units, ids, one data source', () => {
    assert.ok(dashboard.uid !== '' && dashboard.title !== '' && dashboard.schemaVersion >= 36)
    const ids = dashboard.panels.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    for (const { type, title } of dashboard.panels) assert.ok(PANEL_TYPES.includes(type), `${title}: ${type}`)
    for (const { title, fieldConfig, datasource, targets = [] } of panels) {
      assert.ok(UNITS.includes(fieldConfig?.defaults.unit ?? ''), title)
      for (const source of [datasource, ...targets.map((target) => target.datasource)]) {
        assert.deepEqual(source, { type: 'prometheus', uid: `\${datasource}` }, title)
      }
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
    }
  })

  test('shows every panel at a place of its own', () => {
    const placed = dashboard.panels
    for (const { title, gridPos } of placed)
      assert.ok(gridPos.x >= 0 && gridPos.x + gridPos.w <= COLUMNS, title)
    const overlaps = placed.flatMap((a, i) => placed.slice(i + 1).map((b) => [a, b] as const))
    for (const [a, b] of overlaps) assert.ok(!overlap(a.gridPos, b.gridPos), `${a.title} and ${b.title}`)
  })

  test('uses its variables, and no others', () => {
    assert.deepEqual(
      variables.map(({ name, type }) => `${name}: ${type}`),
      ['datasource: datasource', 'job: query', 'instance: query'],
    )
    for (const { query } of variables.slice(1)) assert.deepEqual(unknownMetrics(query), [], query)
    const known = ['$job', '$instance', '$__rate_interval']
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const used = [...expr.matchAll(/\$\{?\w+\}?/g)].map(([name]) => name)
        assert.deepEqual(
          used.filter((name) => !known.includes(name)),
          [],
          title,
        )
        assert.ok(used.includes('$job'), title)
      }
    }
  })

  test('has queries that Prometheus can read', async (t) => {
    const reason = lacksPrograms('promtool')
    if (reason !== null) return t.skip(reason)
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => withValues(expr)))
    const rows = expressions.map((expr, i) => ({ record: `panel:${i}`, expr }))
    const { status, output } = await checkRules({ groups: [{ name: 'dashboard', rules: rows }] })
    assert.equal(status, 0, output)
    const broken = await checkRules({
      groups: [{ name: 'dashboard', rules: [{ record: 'a', expr: 'sum(' }] }],
    })
    assert.equal(broken.status, 1, broken.output)
    return undefined
  })
})

/** What a page calls a line of the log, as it stands in a source; a word that the node puts in stands for any. */
function loggedLines(page: string): RegExp[] {
  const named = page.replaceAll('\n  ', ' ').match(/log lines? .*|node's log: .*/gi) ?? []
  return named
    .flatMap((text) => [...text.matchAll(/`([A-Z][^`]*)`/g)])
    .map(([, line = '']) => new RegExp(line.replace(/^A (?:flush|compaction) /, 'A \\$\\{kind\\} ')))
}

/** As Grafana sends it for one job and all nodes. */
function withValues(expression: string): string {
  return expression
    .replaceAll('$job', 'kvorum')
    .replaceAll('$instance', '.*')
    .replaceAll('$__rate_interval', '1m')
}

/** promtool reads YAML, of which JSON is a part. */
async function checkRules(rules: object): Promise<ProgramResult> {
  const place = mkdtempSync(join(tmpdir(), 'kvorum-rules-'))
  try {
    const file = join(place, 'rules.yml')
    writeFileSync(file, JSON.stringify(rules))
    return await runWithInput('promtool', ['check', 'rules', file])
  } finally {
    rmSync(place, { recursive: true })
  }
}
