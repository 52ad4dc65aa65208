/** POST /v1/command: one Redis command as a JSON array, its reply as JSON. */
import { checkCommand } from '../../../engine/check-command.ts'
import { onceCommand } from '../../../engine/once.ts'
import type { Command } from '../../../protocol/commands.ts'
import { errorCodeOf } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import { decodeOnceReply } from '../../../protocol/once.ts'
import { isErrorReply } from '../../../protocol/reply.ts'
import type { LocalCommand } from '../../client.ts'
import { peerOf } from '../../connection/ends.ts'
import type { CommandEntry } from '../../registry/commands.ts'
import { badRequest, ProblemError } from '../problem.ts'
import type { Call } from './call.ts'
import { CommandClient } from './command-client.ts'
import { Fields } from './fields.ts'
import { replyJson } from './reply-json.ts'
import { jsonBody } from './txn.ts'

/** Commands of the doors that need no connection; every command of the executor is one, too. */
const ALONE: ReadonlySet<string> = new Set([
  'acl',
  'command',
  'config',
  'echo',
  'info',
  'keys',
  'kvorum',
  'lastsave',
  'latency',
  'lolwut',
  'memory',
  'ping',
  'publish',
  'pubsub',
  'randomkey',
  'role',
  'scan',
  'slowlog',
  'spublish',
  'time',
])

interface Wanted {
  readonly entry: CommandEntry
  readonly args: readonly Buffer[]
}

export function command(call: Call): void {
  const { entry, args } = find(call, words(jsonBody(call)))
  const { door, database } = call
  const refusal = checkCommand({ spec: entry.spec, database, args })
  if (refusal !== null) {
    entry.stats.rejected++
    return answer(call, refusal)
  }
  door.stats.commands++
  const { local } = entry
  if (local === null) executeRemote(call, { spec: entry.spec, database, args })
  else executeLocal(call, { ...entry, local }, args)
}

/** With an Idempotency-Key it takes effect once, and repeats get its reply. */
function executeRemote(call: Call, wanted: Command): void {
  const idempotency = call.idempotency()
  if (idempotency === null) {
    const count = wanted.spec.kind === 'read' ? wanted.args.length : 0
    return call.executeMany(wanted, count, (reply) => answer(call, reply))
  }
  call.execute(onceCommand(idempotency, wanted), (outer) => {
    const { isReplay, reply } = decodeOnceReply(outer)
    if (isReplay) call.reply.header('idempotency-replayed', 'true')
    answer(call, reply)
  })
}

function executeLocal(
  call: Call,
  { spec, local, stats }: CommandEntry & { local: LocalCommand },
  args: readonly Buffer[],
): void {
  if (call.header('idempotency-key') !== null) {
    throw new ProblemError('BAD_REQUEST', `${spec.name.toUpperCase()} takes no Idempotency-Key`)
  }
  const { door, database, request } = call
  const sinceMs = door.turn.nowMs()
  const peer = peerOf(request.raw.socket)
  const done = (reply: Buffer): void => {
    stats.answered(reply, sinceMs, { peer, name: '', takeWorkMs: () => door.executor.takeExecutedMs() }, args)
    // The large ones only read.
    if (call.hasRoomFor(reply, true)) answer(call, reply)
  }
  door.whenAllowed(spec, call.executeOptions(), (options) => {
    stats.calls++
    const reply = local.run(new CommandClient(door, options, database, peer, done), args, door)
    if (reply !== null) done(reply)
  })
}

/** The command's name and arguments as bytes. */
function words(body: unknown): Buffer[] {
  if (!Array.isArray(body) || body.length === 0) {
    throw badRequest('the body', JSON.stringify(body), 'an array such as ["SET", "key", "value"]')
  }
  if (body.length > limits.requestArguments) throw new ProblemError('TOO_LARGE', 'too many arguments')
  return body.map((word: unknown, index) => {
    if (typeof word === 'string') return Buffer.from(word)
    if (typeof word === 'number') return Buffer.from(String(word))
    return new Fields(`argument ${index}`, { word_base64: base64Of(index, word) }, ['word_base64']).bytes(
      'word',
    )
  })
}

function base64Of(index: number, word: unknown): string {
  const what = `argument ${index}`
  if (typeof word !== 'object' || word === null)
    throw badRequest(what, String(word), 'a string, a number or {"base64": …}')
  const text = new Fields(what, word, ['base64']).text('base64')
  if (text === null) throw badRequest(what, JSON.stringify(word), 'a string, a number or {"base64": …}')
  return text
}

function find(call: Call, [name, ...rest]: readonly Buffer[]): Wanted {
  const word = name?.toString('latin1').toLowerCase() ?? ''
  const top = call.door.commands.byName.get(word)
  if (top === undefined) throw badRequest('the command', word, 'a command that COMMAND LIST names')
  if (top.local !== null && top.local.refusal === null && !ALONE.has(word)) {
    throw new ProblemError(
      'COMMAND_FAILED',
      `${word.toUpperCase()} belongs to a connection, and a request has none: use the Redis port`,
    )
  }
  const subName = rest[0]?.toString('latin1').toLowerCase()
  if (top.subcommands === null || subName === undefined) return { entry: top, args: rest }
  const entry = top.subcommands.get(subName)
  if (entry === undefined) {
    throw badRequest(
      `the subcommand of ${word.toUpperCase()}`,
      subName,
      [...top.subcommands.keys()].join(', '),
    )
  }
  return { entry, args: rest.slice(1) }
}

function answer(call: Call, reply: Buffer): void {
  call.guard(() => {
    if (!isErrorReply(reply)) return call.pieces(200, replyJson(reply))
    const text = reply.toString('utf8', 1, reply.length - 2)
    call.refuse(errorCodeOf(text) ?? 'COMMAND_FAILED', text)
  })
}
