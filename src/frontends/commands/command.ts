/** COMMAND: the table of commands as clients read it, made from the same rows that execute. */
import { hasArity } from '../../engine/check-command.ts'
import { globMatches } from '../../engine/glob.ts'
import type { CommandSpec } from '../../protocol/commands.ts'
import {
  arrayReply,
  bulkReply,
  errorReply,
  integerReply,
  mapReply,
  NULL_REPLY,
  simpleReply,
  textReply,
} from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { type Argument, commandSyntax, parseSyntax } from '../registry/command-syntax.ts'
import { type CommandEntry, type Commands, supportedSubcommands } from '../registry/commands.ts'
import { hasCountedKeys, keySpecs, keysWithFlags, usesOfScripts } from '../registry/key-specs.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'
import { helpOf } from './help.ts'

const row = { group: 'server', flags: ['loading', 'stale'], categories: ['@slow', '@connection'] }

const count = localCommand({
  ...row,
  name: 'command|count',
  arity: 2,
  since: '2.8.13',
  summary: 'How many commands there are.',
  run: (_client, _args, door) => integerReply(door.commands.supported.length),
})

const info = localCommand({
  ...row,
  name: 'command|info',
  arity: -2,
  since: '2.8.13',
  summary: 'Facts of the named commands, or of all.',
  run: (_client, args, door) => (args.length === 0 ? allCommands(door) : infoOf(args, door.commands)),
})

const docs = localCommand({
  ...row,
  name: 'command|docs',
  arity: -2,
  since: '7.0.0',
  summary: 'Documentation of the named commands, or of all.',
  run: (_client, args, door) => {
    const all = args.length === 0 ? door.commands.supported : args.map((name) => find(door.commands, name))
    const known = all.filter((entry) => entry !== null)
    return mapReply(known.flatMap((entry) => [textReply(entry.spec.name), docsReply(entry)]))
  },
})

const list = localCommand({
  ...row,
  name: 'command|list',
  arity: -2,
  since: '7.0.0',
  summary: 'Names of commands.',
  run: (_client, args, door) => {
    const words = args.map((arg) => arg.toString('latin1').toLowerCase())
    const filter = listFilter(words)
    if (filter === null) return SYNTAX_ERROR
    const specs = door.commands.supported.flatMap(withSubcommands)
    return arrayReply(specs.filter(filter).map((spec) => textReply(spec.name)))
  },
})

const getKeys = localCommand({
  ...row,
  name: 'command|getkeys',
  arity: -3,
  since: '2.8.13',
  summary: 'The keys of a whole command.',
  run: (_client, args, door) => {
    const found = keysOf(args, door)
    return Buffer.isBuffer(found) ? found : arrayReply(found.map(({ key }) => bulkReply(key)))
  },
})

const getKeysAndFlags = localCommand({
  ...row,
  name: 'command|getkeysandflags',
  arity: -3,
  since: '7.0.0',
  summary: 'The keys of a whole command, and what it does with each.',
  run: (_client, args, door) => {
    const found = keysOf(args, door)
    if (Buffer.isBuffer(found)) return found
    return arrayReply(
      found.map(({ key, flags }) => arrayReply([bulkReply(key), setReply(flags.map(simpleReply))])),
    )
  },
})

const NO_KEYS = errorReply('ERR The command has no key arguments')

type KeyUse = ReturnType<typeof keysWithFlags>[number]

function hasKeys(spec: CommandSpec): boolean {
  return hasCountedKeys(spec) || keySpecs(spec).some(({ flags }) => !flags.includes('not_key'))
}

/** The keys of the command that `words` are, or the error reply. */
function keysOf(words: readonly Buffer[], door: Door): KeyUse[] | Buffer {
  const entry = find(door.commands, words[0] as Buffer)
  if (entry === null) return errorReply('ERR Invalid command specified')
  const sub = entry.subcommands?.get((words[1]?.toString('latin1') ?? '').toLowerCase())
  const spec = (sub ?? entry).spec
  const args = words.slice(sub === undefined ? 1 : 2)
  if (!hasKeys(spec)) return NO_KEYS
  if (!hasArity(spec, args.length)) return errorReply('ERR Invalid number of arguments specified for command')
  return keysWithFlags(spec, args)
}

export const command = localCommand({
  ...row,
  name: 'command',
  arity: -1,
  since: '2.8.13',
  summary: 'Facts of all commands.',
  run: (_client, _args, door) => allCommands(door),
  subcommands: [count, info, docs, list, getKeys, getKeysAndFlags, helpOf('command', '5.0.0', '@connection')],
})

function find(commands: Commands, name: Buffer): CommandEntry | null {
  const entry = commands.find(name.toString('latin1'))
  return (entry?.local?.refusal ?? null) === null ? entry : null
}

function allCommands(door: Door): Buffer {
  return arrayReply(door.commands.supported.map(infoReply))
}

function infoOf(names: readonly Buffer[], commands: Commands): Buffer {
  return arrayReply(
    names.map((name) => {
      const entry = find(commands, name)
      return entry === null ? NULL_REPLY : infoReply(entry)
    }),
  )
}

/** Name, arity, flags, keys, categories, tips, key specifications, subcommands: as Redis 7. */
function infoReply(entry: CommandEntry): Buffer {
  const { spec } = entry
  const [first, last, step] = spec.keys
  const subs = supportedSubcommands(entry)
  return arrayReply([
    textReply(spec.name),
    integerReply(spec.arity),
    setReply(spec.flags.map(simpleReply)),
    integerReply(first),
    integerReply(last),
    integerReply(step),
    setReply(spec.categories.map(simpleReply)),
    setReply([]),
    setReply(keySpecReplies(spec)),
    // An empty one is a set in Redis.
    subs.length === 0 ? setReply([]) : arrayReply(subs.map(infoReply)),
  ])
}

function keySpecReplies(spec: CommandSpec): Buffer[] {
  // Of scripts the number of keys stands before them.
  if (hasCountedKeys(spec)) {
    const find = ['keynum', { keynumidx: 0, firstkey: 1, keystep: 1 }] as const
    return [keySpecReply(usesOfScripts(spec), 2, find)]
  }
  return keySpecs(spec).map(({ flags, begin, last, step }) =>
    keySpecReply(flags, begin, ['range', { lastkey: last, keystep: step, limit: 0 }]),
  )
}

type Numbers = Readonly<Record<string, number>>

function keySpecReply(flags: readonly string[], begin: number, find: readonly [string, Numbers]): Buffer {
  const part = (type: string, values: Numbers): Buffer => {
    const fields = Object.entries(values).flatMap(([name, value]) => [textReply(name), integerReply(value)])
    return mapReply([textReply('type'), textReply(type), textReply('spec'), mapReply(fields)])
  }
  return mapReply([
    textReply('flags'),
    setReply(flags.map(simpleReply)),
    textReply('begin_search'),
    part('index', { index: begin }),
    textReply('find_keys'),
    part(...find),
  ])
}

function setReply(items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`~${items.length}\r\n`), ...items])
}

function docsReply(entry: CommandEntry): Buffer {
  const { spec } = entry
  const facts = [
    textReply('summary'),
    textReply(spec.summary),
    textReply('since'),
    textReply(spec.since),
    textReply('group'),
    textReply(spec.group),
  ]
  const syntax = commandSyntax[spec.name]
  if (syntax !== undefined) {
    facts.push(textReply('arguments'), arrayReply(parseSyntax(syntax).map(argumentReply)))
  }
  if (entry.subcommands !== null) {
    const subs = supportedSubcommands(entry)
    facts.push(
      textReply('subcommands'),
      mapReply(subs.flatMap((sub) => [textReply(sub.spec.name), docsReply(sub)])),
    )
  }
  return mapReply(facts)
}

function argumentReply(argument: Argument): Buffer {
  const { name, type, token, isOptional, isMultiple, parts } = argument
  const facts = [textReply('name'), textReply(name), textReply('type'), textReply(type)]
  if (parts.length === 0 && type !== 'pure-token') facts.push(textReply('display_text'), textReply(name))
  if (type === 'key') facts.push(textReply('key_spec_index'), integerReply(0))
  if (token !== null) facts.push(textReply('token'), textReply(token))
  const flags = [...(isOptional ? ['optional'] : []), ...(isMultiple ? ['multiple'] : [])]
  if (flags.length > 0) facts.push(textReply('flags'), setReply(flags.map(simpleReply)))
  if (parts.length > 0) facts.push(textReply('arguments'), arrayReply(parts.map(argumentReply)))
  return mapReply(facts)
}

function withSubcommands(entry: CommandEntry): CommandSpec[] {
  return [entry, ...supportedSubcommands(entry)].map(({ spec }) => spec)
}

/** null = the words make no sense. */
function listFilter(words: readonly string[]): ((spec: CommandSpec) => boolean) | null {
  if (words.length === 0) return () => true
  const [filterBy, kind, value] = words
  if (words.length !== 3 || filterBy !== 'filterby' || value === undefined) return null
  if (kind === 'aclcat') return (spec) => spec.categories.includes(`@${value}`)
  if (kind === 'pattern') return (spec) => globMatches(Buffer.from(value, 'latin1'), Buffer.from(spec.name))
  return kind === 'module' ? () => false : null
}
