/** PING, ECHO, TIME: no state at all. */
import { arrayReply, bulkReply, PONG_REPLY, textReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import { wrongArity } from '../resp/errors.ts'

const NO_MESSAGE = Buffer.alloc(0)

export const ping = localCommand({
  name: 'ping',
  arity: -1,
  flags: ['fast'],
  summary: 'Answers PONG, or the message it was given.',
  run: (client, args) => {
    if (args.length > 1) return wrongArity('ping')
    const message = args[0]
    if (client.subscriptions !== null && client.protocol === 2) {
      // Between messages a reply must look like one.
      return arrayReply([textReply('pong'), bulkReply(message ?? NO_MESSAGE)])
    }
    return message === undefined ? PONG_REPLY : bulkReply(message)
  },
})

export const echo = localCommand({
  name: 'echo',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  summary: 'Answers the message it was given.',
  run: (_client, args) => bulkReply(args[0] as Buffer),
})

export const time = localCommand({
  name: 'time',
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  group: 'server',
  since: '2.6.0',
  categories: ['@fast'],
  summary: "This node's wall clock: seconds and microseconds.",
  run: (_client, _args, door) => {
    const nowMs = door.clock.wallMs()
    const seconds = Math.floor(nowMs / 1000)
    const micros = Math.floor((nowMs - seconds * 1000) * 1000)
    return arrayReply([textReply(String(seconds)), textReply(String(micros))])
  },
})
