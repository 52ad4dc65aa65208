/** SLOWLOG: the commands of this node whose execution took long. */
import { parseInteger } from '../../engine/integers.ts'
import { arrayReply, bulkReply, errorReply, integerReply, OK_REPLY, textReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { SlowEntry } from '../stats/slow-log.ts'
import { helpOf } from './help.ts'

const row = {
  group: 'server',
  since: '2.2.12',
  flags: ['admin', 'loading', 'stale'],
  categories: ['@admin', '@slow', '@dangerous'],
}
const DEFAULT_COUNT = 10

const get = localCommand({
  ...row,
  name: 'slowlog|get',
  arity: -2,
  summary: 'The newest slow commands: 10, or as many as are asked for; -1 = all.',
  run: (_client, args, door) => {
    const count = args.length === 0 ? DEFAULT_COUNT : parseInteger(args[0] as Buffer)
    if (count === null || count < -1 || args.length > 1) {
      return errorReply('ERR count should be greater than or equal to -1')
    }
    const { entries } = door.slow.log
    return arrayReply(entries.slice(0, count < 0 ? entries.length : Number(count)).map(entryReply))
  },
})

const len = localCommand({
  ...row,
  name: 'slowlog|len',
  arity: 2,
  summary: 'How many slow commands are kept.',
  run: (_client, _args, door) => integerReply(door.slow.log.entries.length),
})

const reset = localCommand({
  ...row,
  name: 'slowlog|reset',
  arity: 2,
  summary: 'Forgets the slow commands.',
  run: (_client, _args, door) => {
    door.slow.log.clear()
    return OK_REPLY
  },
})

export const slowlog = localCommand({
  ...row,
  name: 'slowlog',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  summary: 'A container for slow log commands.',
  subcommands: [get, len, reset, helpOf('slowlog', '6.2.0')],
})

function entryReply(entry: SlowEntry): Buffer {
  return arrayReply([
    integerReply(entry.id),
    integerReply(entry.atSeconds),
    integerReply(entry.micros),
    arrayReply(entry.words.map(bulkReply)),
    textReply(entry.peer),
    bulkReply(Buffer.from(entry.clientName, 'latin1')),
  ])
}
