/** GETDEL and GETEX: a string, and what becomes of its key. */
import { bulkReply, NULL_REPLY } from '../../protocol/reply.ts'
import { optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { type KeyRecord, RecordType } from '../records.ts'
import { readString } from '../strings.ts'
import { type ExpiryOption, expiryOf, isExpiryWord, takeExpiry } from './expiry-option.ts'

const FIRST_OPTION = 1

interface GetexOptions extends ExpiryOption {
  persist: boolean
}

/** GETDEL key: the string, whose key is then deleted. */
export function getdel(context: CommandContext, args: readonly Buffer[]): Buffer {
  const key = args[0] as Buffer
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  if (record === null) return NULL_REPLY
  context.remove(key)
  context.notify('g', 'del', key)
  return bulkReply(record.value)
}

/** GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]; a time that is past deletes the key. */
export function getex(context: CommandContext, args: readonly Buffer[]): Buffer {
  const options = parseOptions(args)
  if (options === null) return SYNTAX_ERROR
  const key = args[0] as Buffer
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  if (record === null) return NULL_REPLY
  const expiresAt = expiryAfter(context, options, record)
  if (typeof expiresAt !== 'number') return expiresAt
  const reply = bulkReply(record.value)
  if (expiresAt !== 0 && expiresAt <= context.nowMs) {
    context.remove(key)
    context.notify('g', 'del', key)
  } else if (options.expiry !== null || expiresAt !== record.expiresAt) {
    context.put(key, RecordType.string, record.value, expiresAt, record.contentType)
    context.notify('g', options.persist ? 'persist' : 'expire', key)
  }
  return reply
}

function expiryAfter(
  context: CommandContext,
  { persist, expiry, amount }: GetexOptions,
  record: KeyRecord,
): number | Buffer {
  if (expiry !== null && amount !== null) return expiryOf(context, expiry, amount)
  return persist ? 0 : record.expiresAt
}

/** Null = syntax error. As SET: a word may come twice, but not beside one that it contradicts. */
function parseOptions(args: readonly Buffer[]): GetexOptions | null {
  const options: GetexOptions = { persist: false, expiry: null, amount: null }
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const word = optionWord(args[i] as Buffer)
    if (word === 'PERSIST') {
      if (options.expiry !== null) return null
      options.persist = true
    } else if (isExpiryWord(word)) {
      if (!takeExpiry(options, word, args[++i], options.persist)) return null
    } else {
      return null
    }
  }
  return options
}
