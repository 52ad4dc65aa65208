/**
 * The line protocol of KV-Store (docs/migrate/primary-secondary.md): SET, GET, DELETE answered in JSON, by the primary
 * alone, which is the leader while it has a majority. Values are stored as the bytes sent; replies show them as JSON.
 */
import type { NodeStatus, Result } from '../../cluster/execute.ts'
import { parseJsonObject } from '../../lib/json.ts'
import { type ErrorCode, errorMeaning } from '../../protocol/errors.ts'
import { isErrorReply } from '../../protocol/reply.ts'
import { login } from './authentication.ts'
import { commandOf } from './commands.ts'
import { jsonText } from './json-spacing.ts'
import { bulkBytes, errorText, type Language, type TextClient } from './language.ts'
import { shownVerb, splitWords, trim, verbOf } from './words.ts'

const BRACE = 0x7b
/** Longer lines are no message of that system's nodes. */
const MESSAGE_BYTES = 64 * 1024
const ONE_REMOVED = 0x31
const NULL = 'null'

type Verb = (client: TextClient, words: readonly Buffer[]) => void

export const jsonLanguage: Language = { name: 'json', line, failure }

function line(client: TextClient, bytes: Buffer, isWhole: boolean): void {
  const trimmed = trim(bytes)
  const words = splitWords(trimmed, 3)
  const [first] = words
  if (first === undefined) return client.reply(error('Empty command'))
  if (isNodeMessage(trimmed)) return client.reply(error('Unknown internal command'))
  const name = verbOf(first)
  if (name === 'AUTH') return authenticate(client, words)
  if (!client.isAuthenticated) return client.reply(failure('UNAUTHENTICATED'))
  const verb = verbs[`${name} ${words.length}`] ?? verbs[name]
  if (verb === undefined) return client.reply(error(`Unknown command: ${shownVerb(first)}`))
  // What a sender that died had begun to write must not be stored as if it were all.
  if (!isWhole && (verb === set || verb === remove))
    return client.reply(error('The line has no end: not applied'))
  verb(client, words)
}

/** By verb and number of words, or by verb alone where words behind it mean nothing. */
const verbs: Readonly<Record<string, Verb>> = {
  'SET 3': set,
  'GET 2': get,
  'DELETE 2': remove,
  PING: (client) => client.reply(ok({ message: 'PONG' })),
  STATUS: (client) => client.reply(ok(statusFields(client))),
  NODES: (client) => client.reply(ok({ nodes: nodes(client.status()) })),
  SHUTDOWN: shutdown,
}

function set(client: TextClient, words: readonly Buffer[]): void {
  if (!isPrimary(client)) return client.reply(notPrimary('Writes'))
  const [, key, value] = words as [Buffer, Buffer, Buffer]
  client.run({
    command: commandOf(client.door, 'set', [key, value]),
    consistency: 'linearizable',
    answer: (result) => refusal(result) ?? ok({ message: `Key '${key}' set` }),
  })
}

function get(client: TextClient, words: readonly Buffer[]): void {
  if (!isPrimary(client)) return client.reply(notPrimary('Reads'))
  const [, key] = words as [Buffer, Buffer]
  client.run({
    command: commandOf(client.door, 'get', [key]),
    consistency: 'linearizable',
    answer: (result) => refusal(result) ?? valueReply(key, bulkBytes(result.reply)),
  })
}

/** Null cannot be told from nothing in that system: a stored null is 'not found' there. */
function valueReply(key: Buffer, value: Buffer | null): string {
  const json = value === null ? NULL : jsonText(value)
  return json === NULL ? error(`Key '${key}' not found`) : `{"status": "OK", "value": ${json}}`
}

function remove(client: TextClient, words: readonly Buffer[]): void {
  if (!isPrimary(client)) return client.reply(notPrimary('Deletes'))
  const [, key] = words as [Buffer, Buffer]
  client.run({
    command: commandOf(client.door, 'del', [key]),
    consistency: 'linearizable',
    answer: (result) =>
      refusal(result) ?? (result.reply[1] === ONE_REMOVED ? ok({}) : object({ status: 'ERROR' })),
  })
}

function shutdown(client: TextClient): void {
  client.door.log('info', 'SHUTDOWN by a client', { client: client.peer })
  client.reply(ok({ message: 'Server shutting down' }))
  client.closeAfterReplies()
  client.door.executor.shutdown(false)
}

function authenticate(client: TextClient, words: readonly Buffer[]): void {
  const refused = login(client, words)
  client.reply(refused === null ? ok({ message: 'Authenticated' }) : failure(refused))
}

/** One that leads without a majority is none: then no node is primary, and never two. */
function isPrimary(client: TextClient): boolean {
  const { node, leader } = client.door.executor.position()
  return node === leader && client.status().quorum
}

function statusFields(client: TextClient): object {
  const { node, term } = client.door.executor.position()
  return { node_id: node, role: isPrimary(client) ? 'primary' : 'secondary', election_term: term }
}

/** Not of that system: how a client finds the primary again. */
function nodes(status: NodeStatus): object[] {
  return status.peers.map(({ member, redisAddress }) => ({
    node_id: member.name,
    address: redisAddress,
    role: member.name === status.leader && status.quorum ? 'primary' : 'secondary',
  }))
}

/** Nodes of that system wrote to each other over the clients' port; here nobody may change a copy that way. */
function isNodeMessage(line: Buffer): boolean {
  if (line[0] !== BRACE || line.length > MESSAGE_BYTES) return false
  return parseJsonObject<{ type: unknown }>(line.toString())?.type !== undefined
}

/** The reply when the command was refused or lost, else null. */
function refusal({ error: code, reply }: Result): string | null {
  if (code !== null) return failure(code, errorText(reply))
  return isErrorReply(reply) ? error(errorText(reply)) : null
}

/** `code` is not of that system: what happened to the command, for programs. */
function failure(code: ErrorCode, text = errorMeaning(code)): string {
  return object({ status: 'ERROR', message: text, code })
}

function notPrimary(what: string): string {
  return error(`This node is not primary. ${what} not allowed.`)
}

function ok(fields: object): string {
  return object({ status: 'OK', ...fields })
}

function error(message: string): string {
  return object({ status: 'ERROR', message })
}

function object(fields: object): string {
  return jsonText(Buffer.from(JSON.stringify(fields)))
}
