/**
 * WAIT numreplicas timeout: how many other members hold everything this connection wrote. Every acknowledged
 * write is on a majority already, so it seldom waits; while it does, the connection's next commands wait too,
 * as in Redis.
 */
import { parseInteger } from '../../engine/integers.ts'
import { errorReply, integerReply } from '../../protocol/reply.ts'
import { type Answer, type Client, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { NOT_AN_INTEGER } from '../resp/errors.ts'

/** How often the count is looked at while it is too small. */
const POLL_MS = 5

const BAD_TIMEOUT = errorReply('ERR timeout is not an integer or out of range')
const NEGATIVE_TIMEOUT = errorReply('ERR timeout is negative')

export const wait = localCommand({
  name: 'wait',
  arity: 3,
  flags: ['blocking'],
  group: 'generic',
  since: '3.0.0',
  categories: ['@slow', '@connection'],
  inTransaction: 'refuse',
  summary: 'The number of other members that hold everything this connection wrote.',
  run: (client, args, door) => {
    const replicas = parseInteger(args[0] as Buffer)
    const timeoutMs = parseInteger(args[1] as Buffer)
    if (replicas === null) return NOT_AN_INTEGER
    if (timeoutMs === null) return BAD_TIMEOUT
    if (timeoutMs < 0) return NEGATIVE_TIMEOUT
    const untilMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : door.clock.monotonicMs() + Number(timeoutMs)
    const answer = client.promise()
    client.block()
    poll({ client, door, replicas: Number(replicas), untilMs, answer })
    return null
  },
})

interface Wait {
  readonly client: Client
  readonly door: Door
  readonly replicas: number
  readonly untilMs: number
  readonly answer: Answer
}

function poll(waiting: Wait): void {
  const { client, door, replicas, untilMs, answer } = waiting
  const holding = door.executor.replicasHolding(client.session)
  // Writes ahead of it on the connection must be answered before their places can be counted: only WAIT
  // itself is open.
  const isSettled = client.pendingCommands <= 1
  const isOver = door.clock.monotonicMs() >= untilMs || client.session.closed || door.isClosing
  if ((isSettled && holding >= replicas) || isOver) {
    answer.answer(integerReply(isSettled ? holding : 0))
    client.unblock()
    return
  }
  door.clock.setTimer(POLL_MS, () => poll(waiting))
}
