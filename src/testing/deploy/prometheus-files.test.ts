/** What deploy/prometheus ships: valid, about metrics that exist, with a runbook per alert and a test per rule. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { lacksPrograms, runWithInput } from '../processes/programs.ts'
import { unknownFamilies, unknownMetrics } from './metric-names.ts'
import { DEPLOY_FOLDER } from './prometheus.ts'

const root = join(DEPLOY_FOLDER, '..')
const folder = join(DEPLOY_FOLDER, 'prometheus')
const rules = readFileSync(join(folder, 'alerts.yml'), 'utf8')
const ruleTests = readFileSync(join(folder, 'alerts.test.yml'), 'utf8')
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map((match) => match[1] ?? '')

interface Panel {
  readonly type: string
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

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

  test('are each unit-tested, firing and silent', () => {
    for (const name of alerts) assert.ok(ruleTests.includes(`- name: ${name}\n`), name)
    assert.equal(ruleTests.match(/exp_alerts: \[\]/g)?.length, alerts.length)
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
  const dashboard = JSON.parse(readFileSync(join(folder, 'grafana-dashboard.json'), 'utf8')) as {
    uid: string
    panels: Panel[]
  }

  test('asks only for metrics that exist, in every panel', () => {
    const panels = dashboard.panels.filter(({ type }) => type !== 'row')
    assert.ok(panels.length > 20)
    for (const { title, targets = [] } of panels) {
      assert.ok(targets.length > 0, title)
      for (const { expr } of targets) assert.deepEqual(unknownMetrics(expr), [], title)
    }
  })
})
