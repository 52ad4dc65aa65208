/**
 * The line protocol of simple-kv (docs/migrate/simple-kv.md): OK, the value, DELETED, 'Key not found'. Every node takes
 * every line; reads are linearizable while a majority is reachable, else answered at once from this node's own state.
 */
import type { Consistency, Result } from '../../cluster/execute.ts'
import type { Command } from '../../protocol/commands.ts'
import { type ErrorCode, errorMeaning } from '../../protocol/errors.ts'
import { isErrorReply } from '../../protocol/reply.ts'
import { bestConsistency, isUnconfirmed } from '../freshness.ts'
import { login } from './authentication.ts'
import { commandOf } from './commands.ts'
import { bulkBytes, errorText, type Language, type TextClient, type TextRequest } from './language.ts'
import { sendSnapshot } from './snapshot.ts'
import { shownVerb, splitWords, trim, verbOf } from './words.ts'

/** SET key value, and one more word shows that there are too many. */
const WORDS_MAX = 4
/** What nodes of that system appended for each other; programs that wrote like a node did, too. */
const METADATA = /\|msg-id:[^|\s]*\|ts:\d+$/
const METADATA_BYTES = 256
const LF = 0x0a

type Verb = (client: TextClient, words: readonly Buffer[]) => void

export const plainLanguage: Language = { name: 'plain', line, failure }

function line(client: TextClient, bytes: Buffer, isWhole: boolean): void {
  const words = splitWords(trim(bytes), WORDS_MAX)
  const [first] = words
  if (first === undefined) return
  const name = verbOf(first)
  if (name === 'AUTH') return authenticate(client, words)
  if (!client.isAuthenticated) return client.reply(failure('UNAUTHENTICATED'))
  const verb = verbs[name]
  if (verb === undefined) return client.reply(`Unknown command: ${shownVerb(first)}`)
  // What a sender that died had begun to write must not be stored as if it were all.
  if (!isWhole && (verb === set || verb === remove))
    return client.reply('Error: the line has no end: not applied')
  verb(client, words)
}

const verbs: Readonly<Record<string, Verb>> = {
  SET: set,
  GET: get,
  DEL: remove,
  DELETE: remove,
  STATS: stats,
  SYNC: sync,
}

function set(client: TextClient, words: readonly Buffer[]): void {
  const [, key, value] = words
  if (key === undefined || value === undefined || words.length > 3)
    return client.reply('Usage: SET key value')
  write(client, commandOf(client.door, 'set', [key, withoutMetadata(value)]), 'OK')
}

function remove(client: TextClient, words: readonly Buffer[]): void {
  const [, key] = words
  if (key === undefined || words.length > 2) return client.reply('Usage: DEL key')
  write(client, commandOf(client.door, 'del', [withoutMetadata(key)]), 'DELETED')
}

function write(client: TextClient, command: Command, done: string): void {
  client.run({ command, consistency: 'linearizable', answer: (result) => refusal(result) ?? done })
}

function get(client: TextClient, words: readonly Buffer[]): void {
  const [, key] = words
  if (key === undefined || words.length > 2) return client.reply('Usage: GET key')
  const command = commandOf(client.door, 'get', [key])
  client.run(readRequest(command, bestConsistency(client.door.executor), valueReply))
}

/** A reply is one line: what the other doors may have stored beside that would be read as further replies. */
function valueReply(reply: Buffer): string | Buffer {
  const value = bulkBytes(reply)
  if (value === null) return 'Key not found'
  return value.includes(LF) ? 'Error: the value has more than one line: read it with Redis or HTTP' : value
}

/** A linearizable read that nobody could confirm is asked again of this node alone. */
function readRequest(
  command: Command,
  consistency: Consistency,
  show: (reply: Buffer) => string | Buffer,
): TextRequest {
  return {
    command,
    consistency,
    answer: (result) => {
      if (consistency !== 'stale' && isUnconfirmed(result.error)) return readRequest(command, 'stale', show)
      return refusal(result) ?? show(result.reply)
    },
  }
}

/** Counted when the reads and writes before it are done, so that pipelined lines are in there. */
function stats(client: TextClient): void {
  const { door } = client
  client.run(
    readRequest(commandOf(door, 'dbsize', []), bestConsistency(door.executor), (reply) => {
      const keys = Number(reply.toString('latin1', 1, reply.length - 2))
      return JSON.stringify({ processed_messages: door.executor.position().revision, total_keys: keys })
    }),
  )
}

function sync(client: TextClient, words: readonly Buffer[]): void {
  if (verbOf(words[1]) === 'REQUEST') return client.reply('SYNC requested from all peers')
  client.stream(sendSnapshot)
}

function authenticate(client: TextClient, words: readonly Buffer[]): void {
  const refused = login(client, words)
  client.reply(refused === null ? 'OK' : failure(refused))
}

/** The reply when the command was refused or lost, else null. */
function refusal({ error, reply }: Result): string | null {
  if (error !== null) return failure(error, errorText(reply))
  return isErrorReply(reply) ? `Error: ${errorText(reply)}` : null
}

/** That system knew no refusals: all that is one begins with 'Error: '. */
function failure(code: ErrorCode, text = errorMeaning(code)): string {
  return `Error: ${text}`
}

function withoutMetadata(word: Buffer): Buffer {
  const from = Math.max(0, word.length - METADATA_BYTES)
  const found = METADATA.exec(word.toString('latin1', from))
  return found === null ? word : word.subarray(0, from + found.index)
}
