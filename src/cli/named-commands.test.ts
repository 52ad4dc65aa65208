/** Commands and flags that documents, help texts and messages name are those of the program. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { settingRows } from '../server/config-settings.ts'
import { pagePaths } from '../testing/docs/blocks.ts'
import { readSources } from '../testing/source-tree.ts'
import { buildProgram } from './program.ts'
import { projectRoot } from './project-root.ts'

const root = projectRoot()
const program = buildProgram()
const settings = ['config', ...settingRows().map(([, setting]) => setting.flag)]
const flagsOf = (command: Command): string[] => command.options.flatMap(({ long }) => long?.slice(2) ?? [])

/** Those of redis-cli, Prometheus and scripts/cluster.sh that documents name. */
const OTHER_FLAGS = [
  'replica',
  'functions-rdb',
  'hotkeys',
  'eval',
  'ldb',
  'web.listen-address',
  'docker',
  'wait',
]

/** Every command of the program, itself included. */
function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)]
}

/** What is wrong with `kvorum ...`, in which words in capitals or brackets are placeholders; null when nothing is. */
function problemOf(text: string): string | null {
  let command = program
  let isVerb = true
  for (const word of text.split(/\s+/).slice(1)) {
    const flag = /^--([\w-]+)/.exec(word)?.[1]
    if (flag !== undefined && !flagsFor(command).includes(flag)) return `${text}: no --${flag}`
    if (flag !== undefined || !isVerb || isGlobalValue(word)) continue
    const [name = ''] = word.split('|')
    const next = command.commands.find((child) => child.name() === name)
    if (next !== undefined) command = next
    else if (command.commands.length === 0 || name === 'help') isVerb = false
    else if (/^[a-z]/.test(name)) return `${text}: no ${name}`
  }
  return null
}

/** A command that starts nodes takes their settings as well. */
function flagsFor(command: Command): string[] {
  const startsNodes = ['start', 'restart'].includes(command.name())
  return [...flagsOf(program), ...flagsOf(command), 'help', ...(startsNodes ? settings : [])]
}

/** Whether it may stand before the verb: short flags and values of global ones do. */
function isGlobalValue(word: string): boolean {
  return /^-|^node\d$|^\d+$|:\/\/|\.crt$/.test(word)
}

describe('commands that are named', () => {
  const documents = pagePaths(root).map((page) => readFileSync(join(root, page), 'utf8'))

  test('in documents exist', () => {
    const named = documents.flatMap((text) =>
      [...text.matchAll(/`(kvorum [^`\n]+)`/g)].map((match) => match[1] ?? ''),
    )
    assert.ok(named.length > 30)
    assert.deepEqual(
      named.map(problemOf).filter((problem) => problem !== null),
      [],
    )
  })

  test('in examples of help texts exist', () => {
    const examples = commandsOf(program).flatMap((command) => [
      ...helpOf(command).matchAll(/^ {2}(kvorum .+?)(?: {2,}|$)/gm),
    ])
    assert.ok(examples.length > 30)
    assert.deepEqual(
      examples.map((match) => problemOf(match[1] ?? '')).filter((problem) => problem !== null),
      [],
    )
  })

  test('in a help text have one list of examples, its own', () => {
    for (const command of commandsOf(program)) {
      const lists = helpOf(command).match(/^Examples:$/gm) ?? []
      assert.ok(lists.length <= 1, command.name())
    }
  })

  test('in messages exist', () => {
    const sources = readSources(root).filter(
      ({ isTest, path }) => !isTest && /^src\/(cli|server|frontends|cluster)\//.test(path),
    )
    const named = sources.flatMap(({ text }) => [
      ...text.matchAll(/[`'](?:[^`'\n]*, )?(kvorum [a-z][a-z -]*[a-z])[`']/g),
    ])
    assert.ok(named.length > 10)
    assert.deepEqual(
      named.map((match) => problemOf(match[1] ?? '')).filter((problem) => problem !== null),
      [],
    )
  })

  test('find fault with what is not there', () => {
    for (const [text, isRight] of [
      ['kvorum cluster start --tls', true],
      ['kvorum cluster begin', false],
      ['kvorum -n node2 get greeting', true],
      ['kvorum get KEY --nonsense', false],
      ['kvorum start --redis-port 1', true],
      ['kvorum node add|remove|replace', true],
      ['kvorum nod add', false],
    ] as const) {
      assert.equal(problemOf(text) === null, isRight, text)
    }
  })
})

describe('flags that are named', () => {
  test('in documents are those of this program, or of another one that is meant', () => {
    const known = new Set([...settings, ...commandsOf(program).flatMap(flagsOf), 'help', ...OTHER_FLAGS])
    const named = pagePaths(root).flatMap((page) => {
      const text = readFileSync(join(root, page), 'utf8')
      return [...text.matchAll(/`--([a-z][\w.-]*)[^`]*`/g)].map((match) => ({ page, flag: match[1] ?? '' }))
    })
    assert.ok(named.length > 50)
    assert.deepEqual(
      named.filter(({ flag }) => !known.has(flag)),
      [],
    )
  })
})

/** All of it, examples and exit statuses included. */
function helpOf(command: Command): string {
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  command.configureOutput({ writeOut: write, writeErr: write })
  command.outputHelp()
  return text
}
