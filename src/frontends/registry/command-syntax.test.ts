/** The syntax table: its grammar, and that it covers the commands there are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandTable as remote } from '../../engine/command-table.ts'
import { type Argument, commandSyntax, parseSyntax, shownSyntax } from './command-syntax.ts'
import { localCommands } from './command-table.ts'

function shape(args: readonly Argument[]): unknown[] {
  return args.map(({ name, type, token, isOptional, isMultiple, parts }) => {
    const marks = `${isOptional ? '?' : ''}${isMultiple ? '+' : ''}`
    const own = `${token === null ? '' : `${token} `}${name}:${type}${marks}`
    return parts.length === 0 ? own : [own, ...shape(parts)]
  })
}

test('arguments, words, options, choices and repetitions are told apart', () => {
  assert.deepEqual(shape(parseSyntax('key:key [( NX | XX )] [GET] [( EX seconds:integer | KEEPTTL )]')), [
    'key:key',
    ['nx-choice:oneof?', 'NX nx:pure-token', 'XX xx:pure-token'],
    'GET get:pure-token?',
    ['seconds-choice:oneof?', 'EX seconds:integer', 'KEEPTTL keepttl:pure-token'],
  ])
  assert.deepEqual(shape(parseSyntax('( key:key value:string )... [start:integer [end:integer]]')), [
    ['key-block:block+', 'key:key', 'value:string'],
    ['start-block:block?', 'start:integer', 'end:integer?'],
  ])
  assert.deepEqual(shape(parseSyntax('ip:port:string')), ['ip:port:string'])
})

test('people see it without types', () => {
  assert.equal(shownSyntax('expire'), 'key seconds [NX | XX | GT | LT]')
  assert.equal(shownSyntax('mset'), '<key value>...')
})

test('every line can be parsed, and every command that wants arguments has one', () => {
  for (const [name, text] of Object.entries(commandSyntax)) {
    assert.ok(parseSyntax(text).length > 0, name)
  }
  const local = localCommands.flatMap((command) => [command, ...command.subcommands])
  const specs = [
    ...remote.values(),
    ...local.filter((one) => one.subcommands.length === 0).map((one) => one.spec),
  ]
  for (const { name, arity } of specs) {
    const words = name.includes('|') ? 2 : 1
    if (arity === words || arity === -words) continue
    assert.ok(commandSyntax[name] !== undefined, `${name} has no syntax`)
  }
})
