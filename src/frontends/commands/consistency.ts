/**
 * READONLY and READWRITE: outside of Redis' cluster mode they choose stale reads on this node, and linearizable ones
 * again (design section 7); CLIENT CONSISTENCY says the same by name.
 */
import { OK_REPLY } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'

const row = { arity: 1, flags: ['loading', 'stale', 'fast'], group: 'cluster', since: '3.0.0' }

export const readonly = localCommand({
  ...row,
  name: 'readonly',
  summary: "Reads of this connection are served from this node's state at once; they may be stale.",
  run: (client) => {
    client.setConsistency('stale')
    return OK_REPLY
  },
})

export const readwrite = localCommand({
  ...row,
  name: 'readwrite',
  summary: 'Reads of this connection are linearizable again.',
  run: (client) => {
    client.setConsistency('linearizable')
    return OK_REPLY
  },
})
