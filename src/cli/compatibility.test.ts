/** docs/compatibility.md leaves no command of Redis 7.2 out, and its tables name only what there is. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { commandNotes } from '../frontends/registry/command-notes.ts'
import { commandSyntax } from '../frontends/registry/command-syntax.ts'
import { keysWithFlags } from '../frontends/registry/key-specs.ts'
import { refusedCommands } from '../frontends/registry/redis-commands.ts'
import { findRedisServer, startRedisServer } from '../testing/redis-server.ts'
import { publicSpecs } from './compatibility.ts'

const served = new Set(publicSpecs().map(({ name }) => name))
const refused = new Set(refusedCommands.flatMap(({ names }) => names.split(' ')))

/** Commands that Redis 7.2 has and Debian's 7.0 does not. */
const SINCE_7_0 = ['client|no-touch', 'client|setinfo', 'waitaof']

/** Subcommands that mean nothing where their container is served otherwise. */
const ELSEWHERE = new Set(['pubsub|help', 'object|help'])

test('every command of redis-server is either served or refused with a reason', async (t) => {
  const path = findRedisServer()
  if (path === null && process.env.CI === undefined) return t.skip('redis-server is not installed')
  const redis = await startRedisServer(path ?? '')
  try {
    const list = execFileSync('redis-cli', ['-p', String(redis.port), 'command', 'list'], { timeout: 60_000 })
    const names = [...list.toString().trim().split('\n'), ...SINCE_7_0]
    const missing = names.filter((name) => {
      const [container = ''] = name.split('|')
      const isThere = served.has(name) || refused.has(name) || refused.has(container) || ELSEWHERE.has(name)
      const isContainer = [...names, ...served].some((other) => other.startsWith(`${name}|`))
      return !isThere && !isContainer
    })
    assert.deepEqual(missing, [])
  } finally {
    await redis.stop()
  }
  return undefined
})

test('COMMAND GETKEYSANDFLAGS names the keys and their uses as redis-server does', async (t) => {
  const path = findRedisServer()
  if (path === null && process.env.CI === undefined) return t.skip('redis-server is not installed')
  const redis = await startRedisServer(path ?? '')
  try {
    const different: string[] = []
    for (const spec of publicSpecs()) {
      if (spec.keys[0] === 0 || spec.name === 'delete') continue
      const words = spec.name.split('|')
      const args = Array.from({ length: Math.abs(spec.arity) - words.length }, (_, i) => `k${i}`)
      const reply = await redis.client.text('COMMAND', 'GETKEYSANDFLAGS', ...words, ...args)
      const theirs = reply.split('\r\n').filter((line) => line !== '' && !/^[*$~-]/.test(line))
      const ours = keysWithFlags(
        spec,
        args.map((arg) => Buffer.from(arg)),
      )
      const lines = ours.flatMap(({ key, flags }) => [key.toString(), ...flags.map((flag) => `+${flag}`)])
      if (lines.join() !== theirs.join()) different.push(`${spec.name}: ${lines} instead of ${theirs}`)
    }
    assert.deepEqual(different, [])
  } finally {
    await redis.stop()
  }
  return undefined
})

test('nothing is served and refused at once, and nothing is described that is not there', () => {
  assert.deepEqual(
    [...refused].filter((name) => served.has(name)),
    [],
  )
  const known = new Set([...served, 'kvorum', 'command'])
  for (const name of Object.keys(commandNotes)) assert.ok(known.has(name), `note for ${name}`)
  for (const name of Object.keys(commandSyntax)) assert.ok(known.has(name), `syntax of ${name}`)
})
