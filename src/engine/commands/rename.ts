/** RENAME, RENAMENX, COPY and MOVE: a key's value and expiry in another place. */
import { errorReply, integerReply, OK_REPLY } from '../../protocol/reply.ts'
import { databaseOf, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import type { KeyRecord } from '../records.ts'

const FIRST_OPTION = 2
const NO_SUCH_KEY = errorReply('ERR no such key')
const SAME_OBJECT = errorReply('ERR source and destination objects are the same')

/** RENAME key newkey: replaces what `newkey` held. */
export function rename(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, target] = args as [Buffer, Buffer]
  const record = context.read(key)
  if (record === null) return NO_SUCH_KEY
  if (!key.equals(target)) moveTo(context, key, record, target)
  return OK_REPLY
}

/** RENAMENX key newkey: 0 when `newkey` is there. */
export function renamenx(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, target] = args as [Buffer, Buffer]
  const record = context.read(key)
  if (record === null) return NO_SUCH_KEY
  if (context.read(target) !== null) return integerReply(0)
  moveTo(context, key, record, target)
  return integerReply(1)
}

/** COPY key newkey [DB index] [REPLACE]: 1 when it was copied. */
export function copy(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, target] = args as [Buffer, Buffer]
  let { database } = context
  let replace = false
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const word = optionWord(args[i] as Buffer)
    if (word === 'REPLACE') {
      replace = true
    } else if (word === 'DB' && i + 1 < args.length) {
      const index = databaseOf(args[++i] as Buffer)
      if (typeof index !== 'number') return index
      database = index
    } else {
      return SYNTAX_ERROR
    }
  }
  if (database === context.database && key.equals(target)) return SAME_OBJECT
  const record = context.read(key)
  if (record === null) return integerReply(0)
  if (!putInto(context, database, target, record, replace)) return integerReply(0)
  context.within(database, () => context.notify('g', 'copy_to', target))
  return integerReply(1)
}

/** MOVE key database: 1 when it was there and is not in the other database. */
export function move(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, index] = args as [Buffer, Buffer]
  const database = databaseOf(index)
  if (typeof database !== 'number') return database
  if (database === context.database) return SAME_OBJECT
  const record = context.read(key)
  if (record === null || !putInto(context, database, key, record, false)) return integerReply(0)
  context.remove(key)
  context.notify('g', 'move_from', key)
  context.within(database, () => context.notify('g', 'move_to', key))
  return integerReply(1)
}

function moveTo(context: CommandContext, key: Buffer, record: KeyRecord, target: Buffer): void {
  // As Redis: what is replaced goes first, so the target is new.
  if (context.read(target) !== null) context.notify('n', 'new', target)
  context.put(target, record.type, record.value, record.expiresAt, record.contentType)
  context.remove(key)
  context.notify('g', 'rename_from', key)
  context.notify('g', 'rename_to', target)
}

/** False when the key is there and must not be replaced. */
function putInto(
  context: CommandContext,
  database: number,
  key: Buffer,
  record: KeyRecord,
  replace: boolean,
): boolean {
  return context.within(database, () => {
    const isTaken = context.read(key) !== null
    if (isTaken && !replace) return false
    if (isTaken) context.notify('n', 'new', key)
    context.put(key, record.type, record.value, record.expiresAt, record.contentType)
    return true
  })
}
