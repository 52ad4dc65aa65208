/** SET: a string with optional condition, expiry and return of the value before. */
import { bulkReply, NULL_REPLY, OK_REPLY } from '../../protocol/reply.ts'
import { optionWord, SYNTAX_ERROR, WRONG_TYPE } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { type KeyRecord, RecordType } from '../records.ts'
import { type ExpiryOption, expiryOf, isExpiryWord, takeExpiry } from './expiry-option.ts'

const FIRST_OPTION = 2

interface SetOptions extends ExpiryOption {
  condition: 'NX' | 'XX' | null
  keepTtl: boolean
  get: boolean
}

/** SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]. */
export function set(context: CommandContext, args: readonly Buffer[]): Buffer {
  const key = args[0] as Buffer
  const value = args[1] as Buffer
  if (args.length > FIRST_OPTION) return setWithOptions(context, args)
  context.put(key, RecordType.string, value, 0)
  context.notify('$', 'set', key)
  return OK_REPLY
}

function setWithOptions(context: CommandContext, args: readonly Buffer[]): Buffer {
  const options = parseOptions(args)
  if (options === null) return SYNTAX_ERROR
  const { expiry, amount } = options
  const expiresAt = expiry === null || amount === null ? 0 : expiryOf(context, expiry, amount)
  if (typeof expiresAt !== 'number') return expiresAt
  const key = args[0] as Buffer
  const record = context.read(key)
  if (options.get && record !== null && record.type !== RecordType.string) return WRONG_TYPE
  const before = options.get && record !== null ? bulkReply(record.value) : NULL_REPLY
  if (options.condition === (record === null ? 'XX' : 'NX')) return before
  context.put(key, RecordType.string, args[1] as Buffer, options.keepTtl ? expiresAtOf(record) : expiresAt)
  context.notify('$', 'set', key)
  if (expiresAt !== 0) context.notify('g', 'expire', key)
  return options.get ? before : OK_REPLY
}

function expiresAtOf(record: KeyRecord | null): number {
  return record === null ? 0 : record.expiresAt
}

/** Null = syntax error. As Redis: a word may come twice, but not beside one that it contradicts. */
function parseOptions(args: readonly Buffer[]): SetOptions | null {
  const options: SetOptions = { condition: null, keepTtl: false, get: false, expiry: null, amount: null }
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const word = optionWord(args[i] as Buffer)
    if (word === 'NX' || word === 'XX') {
      if (options.condition !== null && options.condition !== word) return null
      options.condition = word
    } else if (word === 'GET') {
      options.get = true
    } else if (word === 'KEEPTTL') {
      if (options.expiry !== null) return null
      options.keepTtl = true
    } else if (isExpiryWord(word)) {
      if (!takeExpiry(options, word, args[++i], options.keepTtl)) return null
    } else {
      return null
    }
  }
  return options
}
