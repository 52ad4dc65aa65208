/**
 * CONFIG GET: what Redis' tools ask for, answered with what is true of this node. CONFIG SET is refused:
 * configuration belongs to the operator's file and flags, and most of what it would change does not exist
 * here.
 */
import { globMatches } from '../../engine/glob.ts'
import { limits } from '../../protocol/limits.ts'
import { errorReply, mapReply, textReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { DATABASES } from './connection.ts'

const row = {
  group: 'server',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  categories: ['@admin', '@slow', '@dangerous'],
}

function settings(door: Door): ReadonlyMap<string, string> {
  return new Map([
    ['appendfsync', 'always'],
    ['appendonly', 'yes'],
    ['bind', door.config.host],
    ['cluster-enabled', 'no'],
    ['databases', String(DATABASES)],
    ['lua-time-limit', '0'],
    ['maxclients', String(door.config.maxClients)],
    ['maxmemory', '0'],
    ['maxmemory-policy', 'noeviction'],
    ['notify-keyspace-events', ''],
    ['port', String(door.redisPort)],
    ['proto-max-bulk-len', String(limits.valueBytes)],
    ['protected-mode', door.config.insecure ? 'no' : 'yes'],
    ['save', ''],
    ['tcp-keepalive', '300'],
    ['timeout', '0'],
    ['tls-port', '0'],
  ])
}

const get = localCommand({
  ...row,
  name: 'config|get',
  arity: -3,
  since: '2.0.0',
  summary: 'Settings whose names match one of the patterns.',
  run: (_client, args, door) => {
    const patterns = args.map((arg) => Buffer.from(arg.toString('latin1').toLowerCase(), 'latin1'))
    const found = [...settings(door)].filter(([name]) =>
      patterns.some((pattern) => globMatches(pattern, Buffer.from(name))),
    )
    return mapReply(found.flatMap(([name, value]) => [textReply(name), textReply(value)]))
  },
})

const set = localCommand({
  ...row,
  name: 'config|set',
  arity: -4,
  since: '2.0.0',
  summary: 'Refused: settings are given at start.',
  run: (_client, args) => {
    const name = (args[0] as Buffer).toString('latin1')
    const detail = `(possibly related to argument '${name}') - settings are given at start`
    return errorReply(`ERR CONFIG SET failed ${detail}`)
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
  subcommands: [get, set],
})
