/** DUMP and RESTORE: a key's value as bytes that this and Redis understand. */
import { bulkReply, errorReply, NULL_REPLY, OK_REPLY } from '../../protocol/reply.ts'
import { invalidExpireTime, NOT_AN_INTEGER, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { anyExpiry, MILLISECOND_MS } from '../expiry-time.ts'
import { parseInteger } from '../integers.ts'
import { decodeDump, encodeDump, isDump } from '../rdb-string.ts'
import { RecordType } from '../records.ts'
import { readString, STRING_BYTES_MAX, STRING_TOO_LONG } from '../strings.ts'

const FIRST_OPTION = 3
const FREQ_MAX = 255
/** The checksum takes longer than looking at the bytes. */
const CHECKSUM_WEIGHT = 8
const BUSY = errorReply('BUSYKEY Target key name already exists.')
const INVALID_TTL = errorReply('ERR Invalid TTL value, must be >= 0')
const INVALID_IDLETIME = errorReply('ERR Invalid IDLETIME value, must be >= 0')
const INVALID_FREQ = errorReply('ERR Invalid FREQ value, must be >= 0 and <= 255')
const WRONG_PAYLOAD = errorReply('ERR DUMP payload version or checksum are wrong')
const BAD_FORMAT = errorReply('ERR Bad data format')

interface RestoreOptions {
  replace: boolean
  /** The time is one since 1970. */
  absolute: boolean
  /** IDLETIME or FREQ was given: checked, and of no effect, because nothing here is evicted. */
  hint: 'IDLETIME' | 'FREQ' | null
}

/** DUMP key: null when there is none. */
export function dump(context: CommandContext, args: readonly Buffer[]): Buffer {
  const record = readString(context, args[0] as Buffer)
  if (Buffer.isBuffer(record)) return record
  if (record === null) return NULL_REPLY
  context.scannedBytes += record.value.length * CHECKSUM_WEIGHT
  return bulkReply(encodeDump(record.value))
}

/** RESTORE key ms dump [REPLACE] [ABSTTL] [IDLETIME s | FREQ n]; 0 ms = no expiry. */
export function restore(context: CommandContext, args: readonly Buffer[]): Buffer {
  const options = parseOptions(args)
  if (Buffer.isBuffer(options)) return options
  const [key, time, payload] = args as [Buffer, Buffer, Buffer]
  const isTaken = context.read(key) !== null
  if (!options.replace && isTaken) return BUSY
  const ms = parseInteger(time)
  if (ms === null) return NOT_AN_INTEGER
  if (ms < 0) return INVALID_TTL
  if (!isDump(payload)) return WRONG_PAYLOAD
  const value = decodeDump(payload)
  if (value === null) return BAD_FORMAT
  if (value.length > STRING_BYTES_MAX) return STRING_TOO_LONG
  const expiresAt = ms === 0 ? 0 : anyExpiry(ms, MILLISECOND_MS, options.absolute ? 0 : context.nowMs)
  if (expiresAt === null) return invalidExpireTime(context.spec)
  if (expiresAt !== 0 && expiresAt <= context.nowMs) {
    if (context.remove(key)) context.notify('g', 'del', key)
    return OK_REPLY
  }
  if (isTaken) context.notify('n', 'new', key)
  context.put(key, RecordType.string, value, expiresAt)
  context.notify('g', 'restore', key)
  return OK_REPLY
}

function parseOptions(args: readonly Buffer[]): RestoreOptions | Buffer {
  const options: RestoreOptions = { replace: false, absolute: false, hint: null }
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const word = optionWord(args[i] as Buffer)
    if (word === 'REPLACE') options.replace = true
    else if (word === 'ABSTTL') options.absolute = true
    else if ((word === 'IDLETIME' || word === 'FREQ') && i + 1 < args.length) {
      if (options.hint !== null && options.hint !== word) return SYNTAX_ERROR
      options.hint = word
      const refused = checkHint(word, args[++i] as Buffer)
      if (refused !== null) return refused
    } else return SYNTAX_ERROR
  }
  return options
}

function checkHint(word: 'IDLETIME' | 'FREQ', argument: Buffer): Buffer | null {
  const value = parseInteger(argument)
  if (value === null) return NOT_AN_INTEGER
  if (word === 'IDLETIME') return value < 0 ? INVALID_IDLETIME : null
  return value < 0 || value > FREQ_MAX ? INVALID_FREQ : null
}
