/** POST /v1/command: one Redis command as a JSON array, its reply as JSON. */
import { checkCommand } from '../../../engine/check-command.ts'
import { errorCodeOf } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import { isErrorReply } from '../../../protocol/reply.ts'
import type { CommandEntry } from '../../commands.ts'
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
  if (call.header('idempotency-key') !== null) {
    throw new ProblemError('BAD_REQUEST', 'Idempotency-Key is taken by /v1/kv, /v1/batch and /v1/txn')
  }
  const { entry, args } = find(call, words(jsonBody(call)))
  const { door, database } = call
  const refusal = checkCommand({ spec: entry.spec, database, args })
  if (refusal !== null) return answer(call, refusal)
  door.stats.commands++
  if (entry.local === null) {
    return call.execute({ spec: entry.spec, database, args }, (reply) => answer(call, reply))
  }
  const client = new CommandClient(door, call.executeOptions(), database, call.request.ip, (reply) =>
    answer(call, reply),
  )
  const reply = entry.local.run(client, args, door)
  if (reply !== null) answer(call, reply)
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
  if (typeof word !== 'object') throw badRequest(what, String(word), 'a string, a number or {"base64": …}')
  const text = new Fields(what, word, ['base64']).text('base64')
  if (text === null) throw badRequest(what, JSON.stringify(word), 'a string, a number or {"base64": …}')
  return text
}

function find(call: Call, [name, ...rest]: readonly Buffer[]): Wanted {
  const word = name?.toString('latin1').toLowerCase() ?? ''
  const top = call.door.commands.byName.get(word)
  if (top === undefined) throw badRequest('the command', word, 'a command that COMMAND LIST names')
  if (top.local !== null && !ALONE.has(word)) {
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
    if (!isErrorReply(reply)) return call.json(200, replyJson(reply))
    const text = reply.toString('utf8', 1, reply.length - 2)
    call.refuse(errorCodeOf(text) ?? 'COMMAND_FAILED', text)
  })
}
