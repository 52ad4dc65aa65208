/**
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH. The cluster sees two commands: a linearizable read of the watched
 * keys' revisions, and one write that compares them and executes everything queued (design section 7). Local
 * commands within a transaction run when it has succeeded, in their order, and take their places among the replies.
 */

import { checkCommand } from '../../engine/check-command.ts'
import { transactionCommand, watchCommand } from '../../engine/transaction.ts'
import { assert, must } from '../../lib/assert.ts'
import type { Command } from '../../protocol/commands.ts'
import { limits } from '../../protocol/limits.ts'
import {
  arrayReply,
  EMPTY_ARRAY_REPLY,
  errorCodeReply,
  errorReply,
  isErrorReply,
  OK_REPLY,
} from '../../protocol/reply.ts'
import { type Client, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { arrayElements, integerOf } from '../resp/elements.ts'
import { NESTED_MULTI } from '../resp/errors.ts'
import { type QueuedCommand, remoteSpec, Transaction } from '../resp/transaction.ts'
import type { ClientTracking } from '../tracking/client-tracking.ts'
import { parseDatabase } from './connection.ts'

const FLAGS = ['noscript', 'loading', 'stale', 'fast', 'allow_busy']
const ABORTED = errorReply('EXECABORT Transaction discarded because of previous errors.')

const row = {
  arity: 1,
  flags: FLAGS,
  group: 'transactions',
  categories: ['@fast', '@transaction'],
  since: '1.2.0',
}

export const multi = localCommand({
  ...row,
  name: 'multi',
  inTransaction: 'now',
  summary: 'Starts a transaction: commands are queued until EXEC.',
  run: (client) => {
    if (client.transaction !== null) return NESTED_MULTI
    client.setTransaction(new Transaction(client.watched.size > 0))
    return OK_REPLY
  },
})

export const discard = localCommand({
  ...row,
  name: 'discard',
  since: '2.0.0',
  inTransaction: 'now',
  summary: 'Forgets the transaction and the watched keys.',
  run: (client) => {
    if (client.transaction === null) return errorReply('ERR DISCARD without MULTI')
    client.setTransaction(null)
    client.watched.clear()
    return OK_REPLY
  },
})

export const unwatch = localCommand({
  ...row,
  name: 'unwatch',
  since: '2.2.0',
  summary: 'Forgets the watched keys.',
  run: (client) => {
    client.watched.clear()
    return OK_REPLY
  },
})

export const watch = localCommand({
  ...row,
  name: 'watch',
  arity: -2,
  keys: [1, -1, 1],
  since: '2.2.0',
  inTransaction: 'now',
  summary: 'Makes the next EXEC fail when one of the keys has changed until then.',
  run: (client, args) => {
    if (client.transaction !== null) return errorReply('ERR WATCH inside MULTI is not allowed')
    if (client.watched.size + args.length > limits.watchedKeys) {
      return errorReply(`ERR more than ${limits.watchedKeys} watched keys`)
    }
    const keys = args.map((key) => Buffer.from(key))
    const database = client.database
    const command = watchCommand(database, keys)
    const refusal = checkCommand(command)
    if (refusal !== null) return refusal
    const answer = client.promise()
    // EXEC must not be looked at before the revisions it compares are known.
    client.block()
    client.ask(command, (reply) => {
      if (!isErrorReply(reply)) remember(client, database, keys, reply)
      answer.answer(isErrorReply(reply) ? reply : OK_REPLY)
      client.unblock()
    })
    return null
  },
})

export const exec = localCommand({
  ...row,
  name: 'exec',
  inTransaction: 'now',
  flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
  categories: ['@slow', '@transaction'],
  summary: 'Executes the queued commands as one, if no watched key has changed.',
  run: (client, _args, door) => {
    const transaction = client.transaction
    if (transaction === null) return errorReply('ERR EXEC without MULTI')
    const watched = [...client.watched.values()]
    client.setTransaction(null)
    client.watched.clear()
    if (transaction.isBroken) return ABORTED
    if (client.tracking !== null) chooseTracking(client.tracking, transaction.commands)
    const remote = remoteCommands(client, transaction.commands)
    if (Buffer.isBuffer(remote)) return remote
    const isAtRead = transaction.commands.some(({ entry }) => entry.local?.runAtRead != null)
    const isHere = remote.length === 0 && watched.length === 0 && !isAtRead
    if (isHere && transaction.commands.length === 0) return EMPTY_ARRAY_REPLY
    const command = isHere ? null : transactionCommand(watched, remote)
    if (command !== null && transaction.commands.every(({ entry }) => entry.local === null)) {
      client.execute(command)
    } else executeMixed(client, door, command, transaction.commands)
    return null
  },
})

function chooseTracking(tracking: ClientTracking, queued: readonly QueuedCommand[]): void {
  for (const { entry, args } of queued) {
    if (entry.spec.name !== 'client|caching') continue
    tracking.cachingQueued((args[0] as Buffer).toString('latin1').toLowerCase())
  }
}

/** The first look at a key counts: a second WATCH of it must not hide a change between the two. */
function remember(client: Client, database: number, keys: readonly Buffer[], reply: Buffer): void {
  const revisions = must(arrayElements(reply), 'revisions of watched keys')
  assert(revisions.length === keys.length, 'WATCH gave another number of revisions than keys')
  keys.forEach((key, i) => {
    const id = `${database}:${key.toString('latin1')}`
    const modRevision = integerOf(revisions[i] as Buffer)
    if (!client.watched.has(id)) client.watched.set(id, { database, key, modRevision })
  })
}

/** The commands for the cluster, each with the database that SELECTs before it choose; or an error reply. */
function remoteCommands(client: Client, queued: readonly QueuedCommand[]): Command[] | Buffer {
  let database = client.database
  let bytes = 0
  const commands: Command[] = []
  for (const { entry, args } of queued) {
    const spec = remoteSpec(entry)
    if (spec !== null) {
      commands.push({ spec, database, args })
      for (const arg of args) bytes += arg.length
    } else if (entry.spec.name === 'select') {
      const chosen = parseDatabase(args[0] as Buffer)
      if (!Buffer.isBuffer(chosen)) database = chosen
    }
  }
  return bytes <= limits.requestBytes ? commands : errorCodeReply('TOO_LARGE')
}

/** With local commands among the queued ones, what follows on the connection waits: they may change its state. */
function executeMixed(
  client: Client,
  door: Door,
  command: Command | null,
  queued: readonly QueuedCommand[],
): void {
  const answer = client.promise()
  const done = (reply: Buffer): void => {
    // CLIENT CACHING among them was for this transaction, not for the next command.
    if (client.tracking !== null) client.tracking.isCachingGiven = false
    answer.answer(reply)
    client.unblock()
  }
  client.block()
  if (command === null) return new ExecReplies(client, door, queued, [], done).gather()
  client.ask(command, (reply) => {
    const replies = arrayElements(reply)
    if (replies === null) done(reply)
    else new ExecReplies(client, door, queued, replies, done).gather()
  })
}

/** The replies of one EXEC: those of the executor, and those of local commands, which run here one after the other. */
class ExecReplies {
  readonly #client: Client
  readonly #door: Door
  readonly #queued: readonly QueuedCommand[]
  readonly #remote: readonly Buffer[]
  readonly #done: (reply: Buffer) => void
  readonly #replies: Buffer[] = []
  #nextRemote = 0
  #isRunning = false

  constructor(
    client: Client,
    door: Door,
    queued: readonly QueuedCommand[],
    remote: readonly Buffer[],
    done: (reply: Buffer) => void,
  ) {
    this.#client = client
    this.#door = door
    this.#queued = queued
    this.#remote = remote
    this.#done = done
  }

  /** Goes on until one has to wait for its reply, or all are there. */
  gather(): void {
    // A client that is gone must not come to hold anything: a subscription would stay for ever.
    if (this.#client.session.closed) return
    this.#isRunning = true
    while (this.#replies.length < this.#queued.length) {
      const before = this.#replies.length
      this.#run(this.#queued[before] as QueuedCommand)
      if (this.#replies.length === before) break
    }
    this.#isRunning = false
    if (this.#replies.length === this.#queued.length) this.#done(arrayReply(this.#replies))
  }

  #run({ entry, args }: QueuedCommand): void {
    const { local } = entry
    if (remoteSpec(entry) !== null) {
      const reply = must(this.#remote[this.#nextRemote++], 'reply of a queued command')
      this.#replies.push(local?.remote?.finish(reply, this.#door) ?? reply)
      return
    }
    const run = must(local?.runAtRead ?? local?.run, 'local command')
    this.#client.capture(
      () => run(this.#client, args, this.#door),
      (reply) => {
        this.#replies.push(reply)
        if (!this.#isRunning) this.gather()
      },
    )
  }
}
