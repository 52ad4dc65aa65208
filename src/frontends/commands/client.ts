/** CLIENT: the connection's own name, library and modes, and who else is connected. */
import type { Consistency } from '../../cluster/execute.ts'
import { parseInteger } from '../../engine/integers.ts'
import {
  bulkReply,
  errorReply,
  integerReply,
  NULL_REPLY,
  OK_REPLY,
  verbatimReply,
} from '../../protocol/reply.ts'
import { type Client, type LocalCommand, localCommand } from '../client.ts'
import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../resp/errors.ts'
import { killClients } from './client-kill.ts'
import { chooseClients, describeClient } from './client-list.ts'
import { isClientName, NAME_ERROR } from './client-names.ts'
import { trackingCommands } from './client-tracking.ts'
import { helpOf } from './help.ts'

const SUB_FLAGS = ['noscript', 'loading', 'stale']
const CONSISTENCIES: readonly Consistency[] = ['linearizable', 'leader', 'stale']
/** What a timer can wait, 24 days. */
const PAUSE_MS_MAX = 2 ** 31 - 1
const BAD_PAUSE_MODE = errorReply('ERR CLIENT PAUSE mode must be WRITE or ALL')
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

/** Of administrators: MONITOR does not show it. */
function adminOnly(command: LocalCommand): LocalCommand {
  const flags = ['admin', ...command.spec.flags]
  const categories = ['@admin', '@slow', '@dangerous', '@connection']
  return { ...command, spec: { ...command.spec, flags, categories } }
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
  verbatimReply('txt', `${describeClient(client, door)}\n`),
)

const list = sub(
  'list',
  -2,
  '2.4.0',
  'All connections of clients to this node, one line each.',
  (_client, args, door) => {
    const clients = chooseClients(args, door)
    if (Buffer.isBuffer(clients)) return clients
    return verbatimReply('txt', clients.map((client) => `${describeClient(client, door)}\n`).join(''))
  },
)

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

function onOff(
  name: string,
  since: string,
  summary: string,
  keep: (client: Client, isOn: boolean) => void,
): LocalCommand {
  return sub(name, 3, since, summary, (client, args) => {
    const word = (args[0] as Buffer).toString('latin1').toLowerCase()
    if (word !== 'on' && word !== 'off') return SYNTAX_ERROR
    keep(client, word === 'on')
    return OK_REPLY
  })
}

const noEvict = onOff('no-evict', '7.0.0', 'Accepted: no client is ever evicted.', (client, isOn) => {
  client.noEvict = isOn
})

const noTouch = onOff('no-touch', '7.2.0', 'Accepted: reads never touch a key.', (client, isOn) => {
  client.noTouch = isOn
})

const kill = sub('kill', -3, '2.4.0', 'Closes connections of clients to this node.', killClients)

const pause = sub(
  'pause',
  -3,
  '3.0.0',
  'Holds back commands of RESP clients at this node for a while.',
  (_client, args, door) => {
    const ms = parseInteger(args[0] as Buffer)
    const mode = (args[1]?.toString('latin1') ?? 'all').toLowerCase()
    if (args.length > 2) return SYNTAX_ERROR
    if (mode !== 'all' && mode !== 'write') return BAD_PAUSE_MODE
    if (ms === null || ms > PAUSE_MS_MAX) return errorReply('ERR timeout is not an integer or out of range')
    if (ms < 0) return errorReply('ERR timeout is negative')
    door.pause.start(mode, Number(ms))
    return OK_REPLY
  },
)

const unpause = sub('unpause', 2, '6.2.0', 'Ends CLIENT PAUSE.', (_client, _args, door) => {
  door.pause.end()
  return OK_REPLY
})

const unblock = sub(
  'unblock',
  -3,
  '5.0.0',
  'Ends the command that another connection waits in.',
  (_client, args, door) => {
    const number = parseInteger(args[0] as Buffer)
    const how = (args[1]?.toString('latin1') ?? 'timeout').toLowerCase()
    if (number === null) return NOT_AN_INTEGER
    if (args.length > 2 || (how !== 'timeout' && how !== 'error')) {
      return errorReply('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR')
    }
    const waiting = door.clients.resp.get(Number(number))?.unblocker ?? null
    waiting?.(how === 'error')
    return integerReply(waiting === null ? 0 : 1)
  },
)

const consistency = sub(
  'consistency',
  3,
  '0.1.0',
  'Chooses what reads of this connection are: linearizable, leader, or stale (of this node, at once).',
  (client, args) => {
    const level = CONSISTENCIES.find((one) => one === (args[0] as Buffer).toString('latin1').toLowerCase())
    if (level === undefined) return errorReply('ERR consistency is one of linearizable, leader, stale')
    client.setConsistency(level)
    return OK_REPLY
  },
)

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
    ...[list, kill, pause, unpause, unblock, noEvict].map(adminOnly),
    reply,
    consistency,
    noTouch,
    ...trackingCommands,
    helpOf('client', '5.0.0', '@connection'),
  ],
})
