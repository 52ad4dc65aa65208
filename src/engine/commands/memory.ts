/** MEMORY USAGE: the bytes that a key takes in the store, not those of a process. */
import { integerReply, NULL_REPLY } from '../../protocol/reply.ts'
import { NOT_AN_INTEGER, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { expiryRowKey } from '../expiry-index.ts'
import { parseInteger } from '../integers.ts'
import { RECORD_PREFIX_SIZE } from '../keys.ts'

const EXPIRY_ROW_BYTES = expiryRowKey(1, 1, '').length + 8

/** MEMORY USAGE key [SAMPLES count]: the row of the key, and its row in the expiry index; samples change nothing. */
export function memoryUsage(context: CommandContext, args: readonly Buffer[]): Buffer {
  const key = args[0] as Buffer
  for (let i = 1; i < args.length; i += 2) {
    const count = args[i + 1]
    if (optionWord(args[i] as Buffer) !== 'SAMPLES' || count === undefined) return SYNTAX_ERROR
    const samples = parseInteger(count)
    if (samples === null) return NOT_AN_INTEGER
    if (samples < 0) return SYNTAX_ERROR
  }
  const record = context.read(key)
  if (record === null) return NULL_REPLY
  const expiryBytes = record.expiresAt === 0 ? 0 : EXPIRY_ROW_BYTES + key.length
  return integerReply(RECORD_PREFIX_SIZE + key.length + record.size + expiryBytes)
}
