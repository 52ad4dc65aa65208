/** MONITOR: shows this connection every command that arrives at this node; RESET or closing ends it. */
import { OK_REPLY } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'

export const monitor = localCommand({
  name: 'monitor',
  arity: 1,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  group: 'server',
  since: '1.0.0',
  categories: ['@admin', '@slow', '@dangerous'],
  inTransaction: 'refuse',
  summary: 'Shows every command that arrives at this node, secrets left out.',
  run: (client, _args, door) => {
    door.monitors.add(client)
    return OK_REPLY
  },
})
