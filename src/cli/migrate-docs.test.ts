/**
 * The clusters of docs/migrate/ can be started as the pages say, and their commands do what the pages show: the lines
 * of the first block run as nodes, with other ports, and every `$ command` behind it against them.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { patternOf, runShell, stepsOf } from '../testing/document-tour.ts'
import { freePorts } from '../testing/free-ports.ts'
import { lacksPrograms } from '../testing/processes/programs.ts'
import { until } from '../testing/processes/wait.ts'
import { projectRoot } from './project-root.ts'

interface Page {
  readonly path: string
  /** The lowest port of the page, and how many follow it. */
  readonly firstPort: number
  readonly ports: number
  /** Where clients reach the nodes. */
  readonly clientPorts: readonly number[]
}

const PAGES: readonly Page[] = [
  { path: 'docs/migrate/vikdb.md', firstPort: 8080, ports: 6, clientPorts: [8080, 8082, 8084] },
  { path: 'docs/migrate/kv-store.md', firstPort: 8000, ports: 3, clientPorts: [8000, 8001, 8002] },
]

for (const page of PAGES) {
  test(`every command of ${page.path}`, { skip: lacksPrograms('curl') ?? false }, () => runPage(page))
}

async function runPage({ path, firstPort, ports, clientPorts }: Page): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-docs-'))
  const first = await freePorts(ports)
  const movedPort = (port: number): number => port - firstPort + first
  const move = (text: string): string =>
    text.replace(/:(\d{4})\b|(?<=-port )(\d{4})/g, (found, a, b) =>
      found.replace(a ?? b, String(movedPort(Number(a ?? b)))),
    )
  const text = readFileSync(join(projectRoot(), path), 'utf8')
  const lines = (/^```sh\n([\s\S]*?)^```/m.exec(text)?.[1] ?? '').trim().split('\n')
  const steps = stepsOf(text)
  assert.ok(lines.length === 3 && steps.length >= 4)
  installProgram(folder)
  const nodes = lines.map((line) => startNode(move(line), folder))
  try {
    for (const port of clientPorts) {
      await until(`a ready node at ${port}`, async () => (await fetch(readyUrl(movedPort(port)))).ok)
    }
    for (const { command, wanted } of steps) {
      assert.match(await runShell(move(command), folder), patternOf(wanted), command)
    }
  } finally {
    await Promise.all(nodes.map(stop))
    rmSync(folder, { recursive: true, force: true })
  }
}

function readyUrl(port: number): string {
  return `http://127.0.0.1:${port}/readyz`
}

/** `kvorum` for a shell that has `folder` on its path. */
function installProgram(folder: string): void {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const entry = `import('${main}').then((m) => m.runCli(process.argv))`
  const script = `#!/bin/sh\nexec '${process.execPath}' -e "${entry}" kvorum "$@"\n`
  writeFileSync(join(folder, 'kvorum'), script, { mode: 0o755 })
}

/** A line of the page. */
function startNode(line: string, folder: string): ChildProcess {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  return spawn('bash', ['-c', line], { cwd: folder, env, stdio: 'ignore', detached: true })
}

/** The shell and the node below it, at once: nothing is kept. */
function stop(node: ChildProcess): Promise<void> {
  if (node.exitCode !== null || node.pid === undefined) return Promise.resolve()
  const { pid } = node
  return new Promise((resolve) => {
    node.once('exit', () => resolve())
    process.kill(-pid, 'SIGKILL')
  })
}
