/**
 * The documents are true: every page that shows commands is run as it is written, on a machine of the test's own where
 * its ports and addresses are free. What a reader has already is in testing/docs/readers.ts; all else is on the page.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from '../server/config.ts'
import { type Block, blocksOfPage, indentedBlocks, pagePaths, problemOf } from '../testing/docs/blocks.ts'
import { lacksMachine, Machine } from '../testing/docs/machine.ts'
import { LOCAL_CLUSTER, READERS } from '../testing/docs/readers.ts'
import { isRunnable, runPage } from '../testing/docs/run-page.ts'
import { lacksPrograms } from '../testing/processes/programs.ts'
import { filesBelow, readSources } from '../testing/source-tree.ts'
import { projectRoot } from './project-root.ts'

const root = projectRoot()
const machine = { root, dist: join(fileURLToPath(import.meta.url), '..', '..') }
const PROGRAMS = [
  'redis-cli',
  'curl',
  'nc',
  'jq',
  'openssl',
  'haproxy',
  'prometheus',
  'ip',
  'unshare',
  'nsenter',
]

const documents = pagePaths(root)
const blocks = documents.flatMap((page) => blocksOfPage(root, page))

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const placeOf = ({ page, line }: Block): string => `${page}:${line}`
const marked = (mark: string): Block[] => blocks.filter(({ marks }) => marks.includes(mark))

/** Pages that are read one after the other on one machine, so that its cluster is started once. */
const TOGETHER = [
  ['docs/http.md', 'docs/pubsub.md', 'docs/scripts.md', 'docs/client.md', 'docs/deploy.md'],
  ['docs/migrate/simple-kv.md', 'docs/docker.md'],
]
const pages = documents.filter((page) => blocks.some((block) => block.page === page && isRunnable(block)))
const alone = pages.filter((page) => !TOGETHER.flat().includes(page))

const skip = lacksPrograms(...PROGRAMS) ?? (await lacksMachine(machine)) ?? false

describe('every command of', () => {
  for (const group of [...TOGETHER, ...alone.map((page) => [page])]) {
    test(group.join(', '), { skip }, () => runOnMachine(group))
  }

  test('a page that says what it is run against, and of none that is not there any more', () => {
    for (const page of [...Object.keys(READERS), ...TOGETHER.flat()]) assert.ok(pages.includes(page), page)
    for (const page of pages) assert.ok(page in READERS || read(page).includes(`\`${LOCAL_CLUSTER}\``), page)
  })
})

async function runOnMachine(group: readonly string[]): Promise<void> {
  const place = await Machine.start(machine)
  try {
    for (const page of group)
      await runPage(place, blocksOfPage(root, page), READERS[page] ?? { before: LOCAL_CLUSTER })
  } finally {
    await place.close()
  }
}

describe('blocks of the documents', () => {
  test('have a language, and marks that mean something', () => {
    assert.ok(blocks.length > 60)
    const problems = blocks.flatMap((block) => {
      const problem = problemOf(block)
      return problem === null ? [] : [`${placeOf(block)}: ${problem}`]
    })
    assert.deepEqual(problems, [])
  })

  test('stand in fences, where they are seen', () => {
    assert.deepEqual(
      documents.flatMap((page) => indentedBlocks(page, read(page))),
      [],
    )
  })

  test('of configuration are settings of a node', () => {
    const toml = blocks.filter(({ language }) => language === 'toml')
    assert.ok(toml.length > 1)
    for (const block of toml) {
      const sources = {
        flags: { config: 'file' },
        env: { KVORUM_INSECURE: 'true' },
        readFile: () => block.text,
      }
      assert.doesNotThrow(() => resolveConfig(sources), placeOf(block))
    }
  })

  test('of alerts are the rules that are shipped', () => {
    const rules = read('deploy/prometheus/alerts.yml')
    for (const block of blocks.filter(({ language }) => language === 'promql')) {
      assert.ok(rules.includes(`expr: '${block.text.trim()}'`), placeOf(block))
    }
  })

  test('of a checkout name npm scripts, test files, and words and flags of the programs', () => {
    const shown = marked('checkout').flatMap(({ text }) => text.trim().split('\n'))
    const named = documents.flatMap((page) => [
      ...read(page).matchAll(/`(npm (?:run|test|start)\b[^`\n]*)`/g),
    ])
    const commands = [...shown, ...named.map((match) => match[1] ?? '')]
    assert.ok(shown.length > 10 && named.length > 10)
    assert.deepEqual(commands.flatMap(checkoutProblems), [])
  })

  test('of Docker name services, containers, networks and files that exist', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    assert.ok(read('deploy/docker/Dockerfile').includes(`org.opencontainers.image.version="${version}"`))
    const compose = read('deploy/docker/compose.yaml')
    const texts = marked('docker').map(({ text }) => text)
    assert.ok(texts.length > 0)
    for (const text of texts) {
      for (const [name = ''] of text.matchAll(/\b(?:simple-)?kv-node\d\b/g))
        assert.ok(compose.includes(name), name)
      for (const [, network = ''] of text.matchAll(/\bsimple-kv_([\w-]+)/g))
        assert.ok(compose.includes(network), network)
      for (const [, folder = ''] of text.matchAll(/^cd (\S+)/gm))
        assert.ok(existsSync(join(root, folder)), folder)
    }
  })
})

test('documents that sources, messages and scripts name exist', () => {
  const paths = ['src', 'scripts', 'deploy', 'bin'].flatMap((folder) => filesBelow(root, folder))
  const named = [...paths, 'kv-cli.sh'].flatMap((path) => {
    return [...read(path).matchAll(/\bdocs\/[\w/-]+\.md\b/g)].map(([page]) => page)
  })
  assert.ok(named.length > 30)
  assert.deepEqual(
    named.filter((page) => !documents.includes(page)),
    [],
  )
})

test('source files that documents name exist', () => {
  const paths = [...filesBelow(root, 'src'), ...filesBelow(root, 'scripts'), 'kv-cli.sh']
  const named = documents.flatMap((page) => {
    return [...read(page).matchAll(/`([\w./-]+\.(?:ts|mjs|sh))`/g)].map(([, name = '']) => ({ page, name }))
  })
  assert.ok(named.length > 30)
  assert.deepEqual(
    named.filter(({ name }) => !paths.some((path) => `/${path}`.endsWith(`/${name}`))),
    [],
  )
})

/** What `npm run NAME -- words --flags` names that is not there. */
function checkoutProblems(command: string): string[] {
  const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts
  const [npm, ...words] = command.replace(/\s+#.*$/, '').split(/\s+/)
  const name = words[0] === 'run' ? words[1] : words[0]
  const script = scripts[name ?? '']
  if (npm !== 'npm' || script === undefined) return [`${command}: no such npm script`]
  const given = words.includes('--') ? words.slice(words.indexOf('--') + 1) : []
  if (name === 'test') return given.filter((word) => !testFiles().some((path) => path.includes(word)))
  const [, program = ''] = /run\.mjs (\S+)\.js/.exec(script) ?? []
  const source = program === '' ? '' : read(`src/${program}.ts`)
  const names = given.filter((word) => !/^(\d+|[A-Z]+)$/.test(word)).map((word) => word.replace(/^--/, ''))
  return names
    .filter((word) => !new RegExp(`(['"\\s{,]|--)${word}\\b`).test(source))
    .map((word) => `${command}: no ${word}`)
}

function testFiles(): string[] {
  return readSources(root)
    .filter(({ isTest }) => isTest)
    .map(({ path }) => path)
}
