/** CLIENT: the connection's own name and library, and who else is connected. */
import {
  bulkReply,
  errorReply,
  integerReply,
  NULL_REPLY,
  OK_REPLY,
  verbatimReply,
} from '../../protocol/reply.ts'
import { type Client, type LocalCommand, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'
import { isClientName, NAME_ERROR } from './client-names.ts'

const SUB_FLAGS = ['noscript', 'loading', 'stale']
const SLOW = ['@slow', '@connection']

function sub(
  name: string,
  arity: number,
  since: string,
  summary: string,
  run: LocalCommand['run'],
  inTransaction: LocalCommand['inTransaction'] = 'queue',
): LocalCommand {
  return localCommand({
    name: `client|${name}`,
    arity,
    since,
    summary,
    run,
    inTransaction,
    flags: SUB_FLAGS,
    categories: SLOW,
  })
}

const id = sub('id', 2, '5.0.0', 'The number of this connection.', (client) => integerReply(client.id))

const setName = sub('setname', 3, '2.6.9', 'Names this connection.', (client, args) => {
  const name = args[0] as Buffer
  if (!isClientName(name)) return NAME_ERROR
  client.name = name.toString('latin1')
  return OK_REPLY
})

const getName = sub('getname', 2, '2.6.9', 'The name of this connection.', (client) =>
  client.name === '' ? NULL_REPLY : bulkReply(Buffer.from(client.name, 'latin1')),
)

const setInfo = sub('setinfo', 4, '7.2.0', 'Tells which library the client uses.', (client, args) => {
  const option = (args[0] as Buffer).toString('latin1')
  const value = args[1] as Buffer
  const key = option.toLowerCase()
  if (key !== 'lib-name' && key !== 'lib-ver') return errorReply(`ERR Unrecognized option '${option}'`)
  if (!isClientName(value)) {
    return errorReply(`ERR ${key} cannot contain spaces, newlines or special characters.`)
  }
  if (key === 'lib-name') client.libName = value.toString('latin1')
  else client.libVersion = value.toString('latin1')
  return OK_REPLY
})

const info = sub('info', 2, '6.2.0', 'This connection in one line.', (client, _args, door) =>
  verbatimReply('txt', `${describe(client, door)}\n`),
)

const list = sub(
  'list',
  -2,
  '2.4.0',
  'All connections of RESP clients to this node, one line each.',
  (_client, args, door) => {
    const clients = chooseClients(args, door)
    if (Buffer.isBuffer(clients)) return clients
    return verbatimReply('txt', clients.map((client) => `${describe(client, door)}\n`).join(''))
  },
)

/** The clients that the arguments of CLIENT LIST name, or the error reply. */
function chooseClients(args: readonly Buffer[], door: Door): Client[] | Buffer {
  const all = [...door.clients.values()]
  if (args.length === 0) return all
  const words = args.map((arg) => arg.toString('latin1'))
  const option = (words[0] as string).toLowerCase()
  if (option === 'type' && words.length === 2) {
    const type = (words[1] as string).toLowerCase()
    if (type === 'normal') return all
    if (type === 'master' || type === 'replica' || type === 'slave' || type === 'pubsub') return []
    return errorReply(`ERR Unknown client type '${words[1]}'`)
  }
  if (option !== 'id' || words.length < 2) return SYNTAX_ERROR
  const ids = words.slice(1).map(Number)
  if (ids.some((number) => !Number.isInteger(number) || number < 1))
    return errorReply('ERR Invalid client ID')
  return all.filter((client) => ids.includes(client.id))
}

const reply = sub(
  'reply',
  3,
  '3.2.0',
  'Turns replies of this connection off and on.',
  (client, args) => {
    switch ((args[0] as Buffer).toString('latin1').toLowerCase()) {
      case 'on':
        client.setReplyMode('on')
        return OK_REPLY
      case 'off':
        client.setReplyMode('off')
        return OK_REPLY
      case 'skip':
        client.setReplyMode('skip')
        return OK_REPLY
      default:
        return SYNTAX_ERROR
    }
  },
  'refuse',
)

function tolerated(name: string, since: string, summary: string): LocalCommand {
  return sub(name, 3, since, summary, (_client, args) => {
    const word = (args[0] as Buffer).toString('latin1').toLowerCase()
    return word === 'on' || word === 'off' ? OK_REPLY : SYNTAX_ERROR
  })
}

export const client = localCommand({
  name: 'client',
  arity: -2,
  since: '2.4.0',
  summary: 'A container for client connection commands.',
  categories: ['@slow'],
  flags: [],
  subcommands: [
    id,
    setName,
    getName,
    setInfo,
    info,
    list,
    reply,
    tolerated('no-evict', '7.0.0', 'Accepted: no client is ever evicted.'),
    tolerated('no-touch', '7.2.0', 'Accepted: reads never touch a key.'),
  ],
})

function describe(of: Client, door: Door): string {
  const nowMs = door.clock.monotonicMs()
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000))
  return [
    `id=${of.id}`,
    `addr=${of.peer}`,
    `laddr=${of.local}`,
    'fd=-1',
    `name=${of.name}`,
    `age=${seconds(of.connectedAtMs)}`,
    `idle=${seconds(of.lastActiveMs)}`,
    `flags=${of.transaction === null ? 'N' : 'x'}`,
    `db=${of.database}`,
    'sub=0',
    'psub=0',
    'ssub=0',
    `multi=${of.transaction === null ? -1 : of.transaction.commands.length}`,
    `watch=${of.watched.size}`,
    `qbuf=0`,
    'qbuf-free=0',
    `oll=${of.pendingCommands}`,
    `omem=${of.replyBytes}`,
    `tot-mem=${of.replyBytes}`,
    'events=r',
    `cmd=${of.lastCommand}`,
    `user=${door.principal.name}`,
    'redir=-1',
    `resp=${of.protocol}`,
    `lib-name=${of.libName}`,
    `lib-ver=${of.libVersion}`,
  ].join(' ')
}
