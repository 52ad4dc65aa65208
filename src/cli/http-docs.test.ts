/** docs/http.md is true: every command of it is run against a cluster, and its output compared. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { routes } from '../frontends/http/v1/routes.ts'
import { patternOf, runShell, stepsOf } from '../testing/document-tour.ts'
import { withCluster } from '../testing/processes/cluster.ts'
import { lacksPrograms } from '../testing/processes/programs.ts'
import { projectRoot } from './project-root.ts'

const text = readFileSync(join(projectRoot(), 'docs/http.md'), 'utf8')

test('every command of docs/http.md', { skip: lacksPrograms('curl') ?? false }, () =>
  withCluster({}, async (cluster) => {
    const steps = stepsOf(text)
    assert.ok(steps.length > 25)
    const move = (command: string): string =>
      command.replace(/\b808([123])\b/g, (_port, i) => String(cluster.node(Number(i) - 1).options.httpPort))
    for (const { command, wanted } of steps) {
      assert.match(await runShell(move(command), cluster.folder), patternOf(wanted), command)
    }
  }),
)

test('docs/http.md names every route', () => {
  for (const { path } of routes) {
    const stem = path.replace(/\{key\}$/, '')
    assert.ok(text.includes(stem), path)
  }
})
