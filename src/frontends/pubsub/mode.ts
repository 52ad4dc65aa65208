/** What a connection may not do as it is now: without authentication, or in RESP2 while it has subscriptions. */
import { errorReply } from '../../protocol/reply.ts'
import type { Client } from '../client.ts'
import type { CommandEntry } from '../registry/commands.ts'
import { NOAUTH } from '../resp/errors.ts'

/** A RESP2 connection with subscriptions gets messages: replies of other commands would have no place among them. */
const WHILE_SUBSCRIBED: ReadonlySet<string> = new Set([
  'subscribe',
  'unsubscribe',
  'psubscribe',
  'punsubscribe',
  'ssubscribe',
  'sunsubscribe',
  'ping',
  'quit',
  'reset',
])

/** The error reply for a command that the connection's state forbids; null when it may run. */
export function refusalFor(client: Client, { spec, local }: CommandEntry): Buffer | null {
  if (!client.isAuthenticated && local?.isOpen !== true) return NOAUTH
  if (client.subscriptions === null || client.protocol === 3 || WHILE_SUBSCRIBED.has(spec.name)) return null
  const why =
    `Can't execute '${spec.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ` +
    'are allowed in this context'
  return errorReply(
    spec.name === 'exec' ? `EXECABORT Transaction discarded because of: ${why}` : `ERR ${why}`,
  )
}
