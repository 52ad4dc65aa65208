/**
 * The rules of the house that the compiler and the linter do not hold: layers, purity, size, comments, nothing unused,
 * nothing undocumented. A failure lists every place that breaks the rule.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'
import { projectRoot } from './cli/project-root.ts'
import type { SourceFile } from './testing/source-tree.ts'
import {
  codeOnly,
  filesBelow,
  importCycles,
  localImports,
  namedFiles,
  readSources,
} from './testing/source-tree.ts'

const root = projectRoot()
const sources = readSources(root)
const program = sources.filter((file) => !file.isTest)

/** What a layer may import, besides itself. Whatever is missing here is a layer above it, or beside it. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  protocol: ['lib'],
  raft: ['lib', 'protocol'],
  engine: ['lib', 'protocol'],
  storage: ['lib', 'protocol', 'raft', 'engine'],
  transport: ['lib', 'protocol', 'raft', 'engine'],
  cluster: ['lib', 'protocol', 'raft', 'engine', 'storage', 'transport'],
  frontends: ['lib', 'protocol', 'raft', 'engine', 'storage', 'transport', 'cluster'],
  client: ['lib', 'protocol'],
  server: ['lib', 'protocol', 'raft', 'engine', 'storage', 'transport', 'cluster', 'frontends'],
  // The command line starts the server in its own process, so it may import it.
  cli: [
    'lib',
    'protocol',
    'raft',
    'engine',
    'storage',
    'transport',
    'cluster',
    'frontends',
    'client',
    'server',
  ],
  testing: ['lib', 'protocol', 'raft', 'engine', 'storage', 'transport', 'cluster', 'frontends', 'client'],
}
/** transport/network.ts and storage/disk.ts share the shape of a callback: types may cross between them. */
const TYPES_BESIDE: Readonly<Record<string, readonly string[]>> = { transport: ['storage'] }

const PURE = ['lib', 'protocol', 'raft', 'engine']
const WITHOUT_PROMISES = [...PURE, 'storage', 'transport', 'cluster']
const LINE_COLUMNS = 120
const FILE_LINES = 400
const TEST_LINES = 800

function layerOf(path: string): string {
  return path.split('/')[1] ?? ''
}

/** Programs of testing/ (simulation, benchmarks) compose what they like, as the server does. */
function isProgram(path: string): boolean {
  return path.startsWith('src/testing/') && path.endsWith('-main.ts')
}

/** Fails with every finding, one per line. */
function none(findings: readonly string[]): void {
  assert.ok(findings.length === 0, `${findings.length} found:\n  ${findings.join('\n  ')}`)
}

/** Places where the pattern stands in the code of a file, comments and strings left out. */
function places(file: SourceFile, pattern: RegExp): string[] {
  return codeOnly(file.text)
    .split('\n')
    .flatMap((line, index) => {
      const match = pattern.exec(line)
      return match === null ? [] : [`${file.path}:${index + 1}: ${match[0].trim()}`]
    })
}

describe('layers', () => {
  test('every file belongs to a layer', () => {
    none(program.filter((file) => LAYERS[layerOf(file.path)] === undefined).map((file) => file.path))
  })

  test('imports only point down', () => {
    none(
      sources
        .filter((file) => LAYERS[layerOf(file.path)] !== undefined)
        .flatMap((file) => {
          const layer = layerOf(file.path)
          const allowed = [layer, ...(LAYERS[layer] ?? []), ...(file.isTest ? ['testing'] : [])]
          return localImports(file)
            .filter((entry) => {
              const target = layerOf(entry.path)
              const beside = entry.typeOnly && (file.isTest || (TYPES_BESIDE[layer] ?? []).includes(target))
              return !allowed.includes(target) && !beside && !isProgram(file.path)
            })
            .map((entry) => `${file.path} imports ${entry.path}`)
        }),
    )
  })

  test('value imports make no cycles', () => {
    none(importCycles(sources).map((cycle) => cycle.join(' -> ')))
  })

  test('pure layers import no built-in module', () => {
    none(
      program
        .filter((file) => PURE.includes(layerOf(file.path)) && file.path !== 'src/lib/crc32.ts')
        .flatMap((file) =>
          file.imports
            .filter((entry) => !entry.from.startsWith('.'))
            .map((entry) => `${file.path}: ${entry.from}`),
        ),
    )
  })

  test('below the server nothing reads a clock, draws randomness or touches the process but through a seam', () => {
    const names = 'Date|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process'
    const impure = new RegExp(`(?<![.\\w#'])(${names})\\b(?=[.(])|\\bMath\\.random\\b`)
    none(
      program
        .filter((file) => WITHOUT_PROMISES.includes(layerOf(file.path)))
        .flatMap((file) => places(file, impure)),
    )
  })

  test('below the server nothing reaches files or the network but through a seam', () => {
    const real = /^node:(fs|net|http|https|dgram|tls|child_process|worker_threads|timers|os)\b/
    none(
      program
        .filter((file) => WITHOUT_PROMISES.includes(layerOf(file.path)))
        .flatMap((file) =>
          file.imports.filter((entry) => real.test(entry.from)).map((entry) => `${file.path}: ${entry.from}`),
        ),
    )
  })

  test('the core, storage, transport and cluster use callbacks, not promises', () => {
    const promise = /(?<![.\w])(Promise|async|await)\b/
    none(
      program
        .filter((file) => WITHOUT_PROMISES.includes(layerOf(file.path)))
        .flatMap((file) => places(file, promise)),
    )
  })
})

describe('files', () => {
  test('every file opens with a comment that says what it owns', () => {
    none(sources.filter((file) => !file.text.startsWith('/**')).map((file) => file.path))
  })

  test('no file is too long', () => {
    none(
      sources
        .filter((file) => file.lines.length > (file.isTest ? TEST_LINES : FILE_LINES))
        .map((file) => `${file.path}: ${file.lines.length} lines`),
    )
  })

  test('no line is too long', () => {
    none(
      sources.flatMap((file) =>
        file.lines.flatMap((line, index) => (isTooLong(line) ? [`${file.path}:${index + 1}`] : [])),
      ),
    )
  })

  test('nothing is left to do, and nothing is switched off', () => {
    // Put together, so that this file does not find itself.
    const marks = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')
    const words = new RegExp(`\\b(${marks})\\b|@ts-${'(ignore|expect-error|nocheck)'}`)
    none(
      sources.flatMap((file) =>
        file.lines.flatMap((line, index) =>
          words.test(line) ? [`${file.path}:${index + 1}: ${line.trim()}`] : [],
        ),
      ),
    )
  })

  test('only programs for people use the console', () => {
    none(
      program
        .filter((file) => layerOf(file.path) !== 'cli' && !file.path.endsWith('-main.ts'))
        .flatMap((file) => places(file, /\bconsole\.\w+/)),
    )
  })

  test('every file is used', () => {
    const entries = ['src/cli/main.ts', 'src/client/index.ts', 'src/client/compat/index.ts']
    const used = new Set(
      sources.flatMap((file) => [...localImports(file).map((entry) => entry.path), ...namedFiles(file)]),
    )
    none(
      program
        .map((file) => file.path)
        .filter((path) => !used.has(path) && !entries.includes(path) && !path.endsWith('-main.ts')),
    )
  })

  test('classes inherit from nothing but Error', () => {
    none(program.flatMap((file) => places(file, /\bclass \w+(<[^>]+>)? extends (?!Error\b)\w+/)))
  })
})

describe('documents', () => {
  const documents = ['README.md', ...filesBelow(root, 'docs').filter((path) => path.endsWith('.md'))]
  const texts = new Map(documents.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

  test('links lead somewhere', () => {
    none(documents.flatMap((path) => brokenLinks(path, texts.get(path) ?? '')))
  })

  test('paths named in documents exist', () => {
    const named = /`((?:src|scripts|docs|bin)\/[\w./-]*[\w/])`/g
    none(
      documents.flatMap((path) =>
        [...(texts.get(path) ?? '').matchAll(named)]
          .filter((match) => !existsSync(join(root, match[1] ?? '')))
          .map((match) => `${path} names ${match[1]}`),
      ),
    )
  })

  test('each has one title', () => {
    none(
      documents.filter((path) => {
        const prose = (texts.get(path) ?? '').replace(/^```[\s\S]*?^```/gm, '')
        return [...prose.matchAll(/^# /gm)].length !== 1
      }),
    )
  })

  test('every dependency has its reason in docs/dependencies.md', () => {
    const text = texts.get('docs/dependencies.md') ?? ''
    none(dependencyNames().filter((name) => !text.includes(`\`${name}\``)))
  })

  test('R1 to R20: each is named by a test', () => {
    const titles = sources.filter((file) => file.isTest).flatMap((file) => titlesOf(file.text))
    const rules = Array.from({ length: 20 }, (_, index) => `R${index + 1}`)
    none(rules.filter((rule) => !titles.some((title) => new RegExp(`\\b${rule}\\b`).test(title))))
  })

  function brokenLinks(path: string, text: string): string[] {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
    return links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path : normalize(join(dirname(path), file))
        if (!existsSync(join(root, target))) return true
        return anchor !== undefined && !anchorsOf(readFileSync(join(root, target), 'utf8')).includes(anchor)
      })
      .map((link) => `${path}: ${link}`)
  }
})

describe('package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))

  test('versions are exact', () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies }
    none(
      Object.entries<string>(all)
        .filter(([, wanted]) => !/^(npm:\w+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(wanted))
        .map(String),
    )
  })

  test('the lock file names no registry and no package with an install script, and fits Node 20', () => {
    const entries = Object.entries<Record<string, unknown>>(lock.packages)
    none(
      entries
        .filter(([path]) => path !== '')
        .filter(
          ([, entry]) =>
            entry.resolved !== undefined || entry.hasInstallScript === true || !fitsNode20(entry),
        )
        .map(([path]) => path),
    )
  })

  test('the lock file has every optional package, or npm ci refuses it (npm run lock)', () => {
    const wanted = Object.values<{ optionalDependencies?: object }>(lock.packages).flatMap((entry) =>
      Object.keys(entry.optionalDependencies ?? {}),
    )
    none(wanted.filter((name) => lock.packages[`node_modules/${name}`] === undefined))
  })
})

/** A text that stands alone on its line cannot be broken by the formatter. */
function isTooLong(line: string): boolean {
  return [...line].length > LINE_COLUMNS && !/^\s*(\w+: |\? |: )?(['"`]).*\2,?$/.test(line)
}

/** Titles of tests and groups, template literals included. */
function titlesOf(text: string): string[] {
  return [...text.matchAll(/\b(?:test|it|describe)\(\s*(['"`])([\s\S]*?)\1/g)].map((match) => match[2] ?? '')
}

function dependencyNames(): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.overrides })
}

function fitsNode20(entry: Record<string, unknown>): boolean {
  const wanted = (entry.engines as { node?: string } | undefined)?.node ?? ''
  return !/^\s*>=\s*2[1-9]/.test(wanted)
}

/** Anchors that GitHub makes of the headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )
}
