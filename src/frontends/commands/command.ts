/** COMMAND: the table of commands as clients read it, made from the same rows that execute. */
import { commandKeys } from '../../engine/command-keys.ts'
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
import type { CommandEntry, Commands } from '../commands.ts'
import type { Door } from '../door.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'

const row = { group: 'server', flags: ['loading', 'stale'], categories: ['@slow', '@connection'] }

const count = localCommand({
  ...row,
  name: 'command|count',
  arity: 2,
  since: '2.8.13',
  summary: 'How many commands there are.',
  run: (_client, _args, door) => integerReply(door.commands.byName.size),
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
    const all =
      args.length === 0 ? [...door.commands.byName.values()] : args.map((name) => find(door.commands, name))
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
    const specs = [...door.commands.byName.values()].flatMap(withSubcommands)
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
    const entry = find(door.commands, args[0] as Buffer)
    if (entry === null) return errorReply('ERR Invalid command specified')
    const sub = entry.subcommands?.get((args[1]?.toString('latin1') ?? '').toLowerCase())
    const spec = (sub ?? entry).spec
    const isLengthOk = spec.arity >= 0 ? args.length === spec.arity : args.length >= -spec.arity
    if (!isLengthOk) return errorReply('ERR Invalid number of arguments specified for command')
    const rest = args.slice(sub === undefined ? 1 : 2)
    const keys = commandKeys(spec, rest)
    if (keys.length === 0) return errorReply('ERR The command has no key arguments')
    return arrayReply(keys.map(bulkReply))
  },
})

export const command = localCommand({
  ...row,
  name: 'command',
  arity: -1,
  since: '2.8.13',
  summary: 'Facts of all commands.',
  run: (_client, _args, door) => allCommands(door),
  subcommands: [count, info, docs, list, getKeys],
})

function find(commands: Commands, name: Buffer): CommandEntry | null {
  return commands.find(name.toString('latin1'))
}

function allCommands(door: Door): Buffer {
  return arrayReply([...door.commands.byName.values()].map(infoReply))
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
  const subcommands = [...(entry.subcommands?.values() ?? [])]
  return arrayReply([
    textReply(spec.name),
    integerReply(spec.arity),
    setReply(spec.flags.map(simpleReply)),
    integerReply(first),
    integerReply(last),
    integerReply(step),
    setReply(spec.categories.map(simpleReply)),
    setReply([]),
    setReply([]),
    arrayReply(subcommands.map(infoReply)),
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
  if (entry.subcommands !== null) {
    const subs = [...entry.subcommands.values()]
    facts.push(
      textReply('subcommands'),
      mapReply(subs.flatMap((sub) => [textReply(sub.spec.name), docsReply(sub)])),
    )
  }
  return mapReply(facts)
}

function withSubcommands(entry: CommandEntry): CommandSpec[] {
  return [entry.spec, ...[...(entry.subcommands?.values() ?? [])].map((sub) => sub.spec)]
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
