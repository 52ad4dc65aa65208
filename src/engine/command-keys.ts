/**
 * Which user keys a command names, and which physical keys it will read (R2: what to fetch before it runs).
 */
import type { ByteString } from '../lib/bytes.ts'
import { toByteString } from '../lib/bytes.ts'
import type { CommandSpec, DecodedCommand } from '../protocol/commands.ts'
import { decodeInner, decodeWatched } from '../protocol/transaction.ts'
import { nameWords } from './check-command.ts'
import { findCommandRow, internalCommands } from './command-table.ts'
import type { Databases } from './databases.ts'
import { decodeDueKey } from './expiry-index.ts'
import { recordPrefix } from './keys.ts'

/** The keys among `args`, which exclude the command's name. */
export function commandKeys({ name, keys }: CommandSpec, args: readonly Buffer[]): Buffer[] {
  const [first, last, step] = keys
  const found: Buffer[] = []
  if (first === 0) return found
  const words = nameWords(name)
  const end = last < 0 ? args.length + last : last - words
  for (let i = first - words; i <= end && i < args.length; i += step) found.push(args[i] as Buffer)
  return found
}

/** Physical keys that `command` reads, as far as it tells without running. */
export function declaredKeys(databases: Databases, command: DecodedCommand): ByteString[] {
  const found: ByteString[] = []
  declareInto(found, databases, command)
  return found
}

function declareInto(
  found: ByteString[],
  databases: Databases,
  { code, database, args }: DecodedCommand,
): void {
  if (code === internalCommands.exec.code || code === internalCommands.execRead.code) {
    for (const watched of decodeWatched(args)) {
      found.push(databases.prefixOf(watched.database) + toByteString(watched.key))
    }
    for (const command of decodeInner(args)) declareInto(found, databases, command)
  } else if (code === internalCommands.expire.code) {
    for (const arg of args) {
      const due = decodeDueKey(arg)
      if (databases.logicalOf(due.physicalDatabase) < 0) continue
      found.push(recordPrefix(due.physicalDatabase) + toByteString(due.key))
    }
  } else {
    const row = findCommandRow(code)
    if (row === null) return
    const prefix = databases.prefixOf(database)
    for (const key of commandKeys(row, args)) found.push(prefix + toByteString(key))
  }
}
