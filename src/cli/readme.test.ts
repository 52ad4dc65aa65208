/**
 * The README's tour does what the README says: every `$ command` of its console blocks is run against a real cluster
 * and its output compared. `...` stands for anything. Ports and the program's path are replaced, nothing else.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { patternOf, runShell, stepsOf } from '../testing/document-tour.ts'
import { freePorts } from '../testing/free-ports.ts'
import { lacksPrograms } from '../testing/processes/programs.ts'
import { loadLayout } from './cluster/layout.ts'
import { killNode } from './cluster/processes.ts'
import { projectRoot } from './project-root.ts'

test('the tour of README.md', {
  skip: lacksPrograms('redis-cli', 'curl') ?? false,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-readme-'))
  const first = await freePorts(9)
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const entry = `import('${main}').then((m) => m.runCli(process.argv))`
  const program = `unset KVORUM_URL KVORUM_NODE
    kvorum() { '${process.execPath}' -e "${entry}" kvorum "$@"; }
    redis-cli() { command redis-cli --no-raw "$@"; }`
  const move = (text: string) =>
    text
      .replace(/\b63(79|80|81)\b/g, (port) => String(Number(port) - 6379 + first))
      .replace(/\b808([123])\b/g, (port) => String(Number(port) - 8081 + first + 3))
  const flags = `--redis-port ${first} --http-port ${first + 3} --peer-port ${first + 6}`
  try {
    const steps = stepsOf(readFileSync(join(projectRoot(), 'README.md'), 'utf8'))
    assert.ok(steps.length > 5)
    for (const [index, step] of steps.entries()) {
      const command = index === 0 ? `${step.command} ${flags}` : move(step.command)
      const output = await runShell(`${program}\n${command}`, folder)
      assert.match(output, patternOf(move(step.wanted)), step.command)
    }
  } finally {
    const layout = loadLayout(join(folder, 'kvorum-data', 'cluster'))
    for (const node of layout?.nodes ?? []) await killNode(layout ?? assert.fail(), node)
    rmSync(folder, { recursive: true, force: true })
  }
})
