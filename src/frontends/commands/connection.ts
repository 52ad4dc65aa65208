/** SELECT, QUIT, RESET: the state of the connection itself. */
import { parseInteger } from '../../engine/integers.ts'
import { errorReply, OK_REPLY, simpleReply } from '../../protocol/reply.ts'
import { type Client, localCommand } from '../client.ts'
import { NOT_AN_INTEGER } from '../resp/errors.ts'

/** Logical databases of a node. */
export const DATABASES = 16

const RESET_REPLY = simpleReply('RESET')

export const select = localCommand({
  name: 'select',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  summary: 'Chooses the logical database of the connection.',
  run: (client, args) => {
    const database = parseDatabase(args[0] as Buffer)
    if (Buffer.isBuffer(database)) return database
    client.database = database
    return OK_REPLY
  },
})

/** The number, or the error reply. */
export function parseDatabase(text: Buffer): number | Buffer {
  const database = parseInteger(text)
  if (typeof database !== 'number') return NOT_AN_INTEGER
  return database >= 0 && database < DATABASES ? database : errorReply('ERR DB index is out of range')
}

export const quit = localCommand({
  name: 'quit',
  arity: -1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  inTransaction: 'now',
  isOpen: true,
  summary: 'Closes the connection after everything before is answered.',
  run: (client) => {
    client.closeAfterReply()
    return OK_REPLY
  },
})

export const reset = localCommand({
  name: 'reset',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  inTransaction: 'now',
  isOpen: true,
  since: '6.2.0',
  summary: 'Sets the connection back to how it was when it was opened.',
  run: (client, _args, door) => {
    resetClient(client)
    door.pubsub.forget(client)
    door.tracking.turnOff(client)
    door.monitors.delete(client)
    client.authenticate(!door.hasPassword)
    return RESET_REPLY
  },
})

function resetClient(client: Client): void {
  client.setTransaction(null)
  client.watched.clear()
  client.setReplyMode('on')
  client.setConsistency('linearizable')
  client.noEvict = false
  client.noTouch = false
  client.database = 0
  client.protocol = 2
  client.name = ''
}
