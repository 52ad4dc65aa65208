/**
 * DEBUG: only SLEEP, and what it does is different on purpose: Redis stops its whole server, here the connection waits.
 */
import { errorReply, OK_REPLY } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import { helpOf } from './help.ts'

const row = {
  group: 'server',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  categories: ['@admin', '@slow', '@dangerous'],
}
/** What a timer can wait, 24 days. */
const SECONDS_MAX = (2 ** 31 - 1) / 1000

const sleep = localCommand({
  ...row,
  name: 'debug|sleep',
  arity: 3,
  summary: 'Lets this connection wait; the node and other connections go on.',
  run: (client, args, door) => {
    const seconds = Number((args[0] as Buffer).toString('latin1'))
    if (!(seconds >= 0 && seconds <= SECONDS_MAX)) return errorReply('ERR value is not a valid float')
    const answer = client.promise()
    client.block()
    door.clock.setTimer(Math.ceil(seconds * 1000), () => {
      answer.answer(OK_REPLY)
      client.unblock()
    })
    return null
  },
})

export const debug = localCommand({
  ...row,
  name: 'debug',
  arity: -2,
  summary: 'A container for debugging commands; only SLEEP exists here.',
  subcommands: [sleep, helpOf('debug', '1.0.0')],
})
