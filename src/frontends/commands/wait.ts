/**
 * WAIT and WAITAOF: how many other members hold everything this connection wrote. Every acknowledged write is on the
 * disks of a majority already, so they seldom wait; while they do, the connection's next commands wait, as in Redis.
 */
import { parseInteger } from '../../engine/integers.ts'
import { arrayReply, errorReply, integerReply } from '../../protocol/reply.ts'
import { type Answer, type Client, type LocalCommand, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { NOT_AN_INTEGER } from '../resp/errors.ts'

/** How often the count is looked at while it is too small. */
const POLL_MS = 5

const BAD_TIMEOUT = errorReply('ERR timeout is not an integer or out of range')
const BAD_LOCAL = errorReply('ERR value is out of range, must be between 0 and 1')
const UNBLOCKED = errorReply('UNBLOCKED client unblocked via CLIENT UNBLOCK')
const ONE = integerReply(1)
const NEGATIVE_TIMEOUT = errorReply('ERR timeout is negative')

export const wait = localCommand({
  name: 'wait',
  arity: 3,
  flags: ['blocking'],
  group: 'generic',
  since: '3.0.0',
  categories: ['@slow', '@connection'],
  summary: 'The number of other members that hold everything this connection wrote.',
  ...waiting((args) => {
    const replicas = parseInteger(args[0] as Buffer)
    const timeoutMs = parseInteger(args[1] as Buffer)
    if (replicas === null) return NOT_AN_INTEGER
    return { replicas, timeoutMs, reply: integerReply }
  }),
})

export const waitaof = localCommand({
  name: 'waitaof',
  arity: 4,
  flags: ['blocking'],
  group: 'generic',
  since: '7.2.0',
  categories: ['@slow', '@connection'],
  summary: 'Like WAIT; the local count is 1, since what was acknowledged is on the disks of a majority.',
  ...waiting((args) => {
    const [local, replicas, timeoutMs] = args.map(parseInteger) as (number | bigint | null)[]
    if (local === null || local === undefined || local < 0 || local > 1) return BAD_LOCAL
    if (replicas === null || replicas === undefined || replicas < 0) return NOT_AN_INTEGER
    const reply = (holding: number): Buffer => arrayReply([ONE, integerReply(holding)])
    return { replicas, timeoutMs: timeoutMs ?? null, reply }
  }),
})

interface Wish {
  readonly replicas: number | bigint
  readonly timeoutMs: number | bigint | null
  /** What to answer when that many others hold everything. */
  readonly reply: (holding: number) => Buffer
}

interface Wait {
  readonly client: Client
  readonly door: Door
  readonly wish: Wish
  readonly untilMs: number
  readonly answer: Answer
  isEnded: boolean
}

/** How the command runs, given its arguments as a wish or the error reply. A transaction does not wait, as in Redis. */
function waiting(parse: (args: readonly Buffer[]) => Wish | Buffer): Pick<LocalCommand, 'run' | 'runAtRead'> {
  const wishOf = (args: readonly Buffer[]): Wish | Buffer => {
    const wish = parse(args)
    if (Buffer.isBuffer(wish)) return wish
    if (wish.timeoutMs === null) return BAD_TIMEOUT
    return wish.timeoutMs < 0 ? NEGATIVE_TIMEOUT : wish
  }
  return {
    run: (client, args, door) => {
      const wish = wishOf(args)
      return Buffer.isBuffer(wish) ? wish : begin(client, door, wish)
    },
    runAtRead: (client, args, door) => {
      const wish = wishOf(args)
      return Buffer.isBuffer(wish) ? wish : wish.reply(door.executor.replicasHolding(client.session))
    },
  }
}

function begin(client: Client, door: Door, wish: Wish): null {
  const timeoutMs = wish.timeoutMs ?? 0
  const untilMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : door.clock.monotonicMs() + Number(timeoutMs)
  const begun: Wait = { client, door, wish, untilMs, answer: client.promise(), isEnded: false }
  client.block()
  client.unblocker = (withError) => end(begun, withError ? UNBLOCKED : wish.reply(holdingNow(begun)))
  poll(begun)
  return null
}

/** Writes ahead of it on the connection must be answered before their places can be counted: only it is open. */
function isSettled({ client }: Wait): boolean {
  return client.pendingCommands <= 1
}

function holdingNow(waiting: Wait): number {
  return isSettled(waiting) ? waiting.door.executor.replicasHolding(waiting.client.session) : 0
}

function poll(waiting: Wait): void {
  if (waiting.isEnded) return
  const { client, door, wish, untilMs } = waiting
  const holding = holdingNow(waiting)
  const isOver = door.clock.monotonicMs() >= untilMs || client.session.closed || door.isClosing
  if ((isSettled(waiting) && holding >= wish.replicas) || isOver) end(waiting, wish.reply(holding))
  else door.clock.setTimer(POLL_MS, () => poll(waiting))
}

function end(waiting: Wait, reply: Buffer): void {
  const { client, answer } = waiting
  waiting.isEnded = true
  client.unblocker = null
  answer.answer(reply)
  client.unblock()
}
