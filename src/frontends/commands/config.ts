/**
 * CONFIG: reads the parameters of config-parameters.ts and changes those that can change. A CONFIG SET of several is
 * done as a whole or not at all.
 */
import { internalCommands } from '../../engine/command-table.ts'
import { globMatches } from '../../engine/glob.ts'
import type { Command } from '../../protocol/commands.ts'
import { errorReply, isErrorReply, mapReply, OK_REPLY, textReply } from '../../protocol/reply.ts'
import { type Client, localCommand } from '../client.ts'
import { type ConfigParameter, configParameters, findParameter } from '../config-parameters.ts'
import type { Door } from '../door.ts'
import { helpOf } from './help.ts'

const row = {
  group: 'server',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  categories: ['@admin', '@slow', '@dangerous'],
}

const NO_FILE = errorReply('ERR The server is running without a config file')

const get = localCommand({
  ...row,
  name: 'config|get',
  arity: -3,
  since: '2.0.0',
  summary: 'Settings whose names match one of the patterns.',
  run: (_client, args, door) => {
    const patterns = args.map((arg) => Buffer.from(arg.toString('latin1').toLowerCase(), 'latin1'))
    const found = configParameters.filter(({ name }) =>
      patterns.some((pattern) => globMatches(pattern, Buffer.from(name))),
    )
    return mapReply(found.flatMap((parameter) => [textReply(parameter.name), textReply(parameter.get(door))]))
  },
})

interface Change {
  readonly parameter: ConfigParameter
  readonly value: string
}

const set = localCommand({
  ...row,
  name: 'config|set',
  arity: -4,
  since: '2.0.0',
  summary: 'Changes settings of this node until it ends, or of the cluster for good.',
  run: (client, args, door) => {
    const changes = parseChanges(args, door)
    if (Buffer.isBuffer(changes)) return changes
    const commands = changes.flatMap((change) => clusterCommand(client, change))
    const [first, ...others] = commands
    if (first === undefined) return applyHere(changes, door)
    if (others.length > 0)
      return errorReply('ERR CONFIG SET of several settings of the cluster: one at a time')
    const answer = client.promise()
    client.block()
    client.ask(first, (reply) => {
      answer.answer(isErrorReply(reply) ? reply : applyHere(changes, door))
      client.unblock()
    })
    return null
  },
})

const resetStat = localCommand({
  ...row,
  name: 'config|resetstat',
  arity: 2,
  since: '2.0.0',
  summary: 'Sets the counters of INFO, commands and errors to zero.',
  run: (_client, _args, door) => {
    door.stats.reset()
    for (const entry of door.commands.byName.values()) {
      entry.stats.reset()
      for (const sub of entry.subcommands?.values() ?? []) sub.stats.reset()
    }
    return OK_REPLY
  },
})

const rewrite = localCommand({
  ...row,
  name: 'config|rewrite',
  arity: 2,
  since: '2.8.0',
  summary: 'Writes what CONFIG SET changed at this node into its configuration file.',
  run: (client, _args, door) => {
    if (door.config.configFile === '') return NO_FILE
    const answer = client.promise()
    client.block()
    const done = (reply: Buffer): void => {
      answer.answer(reply)
      client.unblock()
    }
    door.rewriteConfig(changedValues(door)).then(
      () => done(OK_REPLY),
      (error: Error) => done(errorReply(`ERR Rewriting config file: ${error.message}`)),
    )
    return null
  },
})

export const config = localCommand({
  ...row,
  name: 'config',
  arity: -2,
  since: '2.0.0',
  flags: [],
  categories: ['@slow'],
  summary: 'A container for configuration commands.',
  subcommands: [get, set, resetStat, rewrite, helpOf('config', '5.0.0')],
})

/** What is to be done, all of it possible; or the error reply. */
function parseChanges(args: readonly Buffer[], door: Door): Change[] | Buffer {
  if (args.length % 2 === 1) return errorReply("ERR wrong number of arguments for 'config|set' command")
  const changes: Change[] = []
  for (let i = 0; i < args.length; i += 2) {
    const name = (args[i] as Buffer).toString('latin1')
    const value = (args[i + 1] as Buffer).toString('latin1')
    const parameter = findParameter(name)
    if (parameter === null) {
      return errorReply(`ERR Unknown option or number of arguments for CONFIG SET - '${name}'`)
    }
    const isDouble = changes.some((change) => change.parameter === parameter)
    const why = isDouble ? 'duplicate parameter' : refusal(parameter, value, door)
    if (why !== null)
      return errorReply(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`)
    changes.push({ parameter, value })
  }
  return changes
}

function refusal({ change }: ConfigParameter, value: string, door: Door): string | null {
  if (change.kind !== 'refused') return change.check(value)
  return change.isAlready(door, value) ? null : `can't be changed: ${change.why}`
}

function clusterCommand(client: Client, { parameter, value }: Change): Command[] {
  if (parameter.change.kind !== 'cluster') return []
  const args = [Buffer.from(parameter.change.setting), Buffer.from(value, 'latin1')]
  return [{ spec: internalCommands.setting, database: client.database, args }]
}

function applyHere(changes: readonly Change[], door: Door): Buffer {
  for (const { parameter, value } of changes) {
    if (parameter.change.kind !== 'here') continue
    parameter.change.apply(door, value)
    door.changedParameters.add(parameter)
  }
  return OK_REPLY
}

/** By key of the configuration file. */
function changedValues(door: Door): Map<string, string | number> {
  const values = new Map<string, string | number>()
  for (const { change } of door.changedParameters) {
    if (change.kind === 'here') values.set(change.flag.replaceAll('-', '_'), change.setting(door))
  }
  return values
}
