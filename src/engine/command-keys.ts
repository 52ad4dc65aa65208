/**
 * Which user keys a command names, and which physical keys it will read (R2: what to fetch before it runs).
 */
import type { ByteString } from '../lib/bytes.ts'
import { toByteString } from '../lib/bytes.ts'
import type { CommandSpec, DecodedCommand } from '../protocol/commands.ts'
import { decodeKv } from '../protocol/kv.ts'
import { decodeOnce } from '../protocol/once.ts'
import { decodeInner, decodeWatched } from '../protocol/transaction.ts'
import { nameWords } from './check-command.ts'
import { findCommandRow, internalCommands } from './command-table.ts'
import type { CommandContext } from './context.ts'
import { decodeDueKey } from './expiry-index.ts'
import { parseInteger } from './integers.ts'
import { recordPrefix } from './keys.ts'

const KV_CODES: readonly number[] = [
  internalCommands.kv.code,
  internalCommands.kvPut.code,
  internalCommands.kvRead.code,
]

/** The keys among `args`, which exclude the command's name. */
export function commandKeys({ name, keys, flags }: CommandSpec, args: readonly Buffer[]): Buffer[] {
  if (flags.includes('movablekeys')) return countedKeys(args)
  const [first, last, step] = keys
  const found: Buffer[] = []
  if (first === 0) return found
  const words = nameWords(name)
  const end = last < 0 ? args.length + last : last - words
  for (let i = first - words; i <= end && i < args.length; i += step) found.push(args[i] as Buffer)
  return found
}

/** Of scripts: as many as the second argument says, behind it. */
function countedKeys(args: readonly Buffer[]): Buffer[] {
  const count = parseInteger(args[1] ?? Buffer.alloc(0))
  if (typeof count !== 'number' || count <= 0 || count > args.length - 2) return []
  return args.slice(2, 2 + count)
}

/** Physical keys that `command` reads, as far as it tells without running. */
export function declaredKeys(state: DeclaringState, command: DecodedCommand): ByteString[] {
  const found: ByteString[] = []
  declareInto(found, state, command)
  return found
}

/** What the names of rows depend on. */
export type DeclaringState = Pick<CommandContext, 'databases' | 'idempotency'>

function declareInto(
  found: ByteString[],
  state: DeclaringState,
  { code, database, args }: DecodedCommand,
): void {
  const { databases } = state
  if (code === internalCommands.exec.code || code === internalCommands.execRead.code) {
    for (const watched of decodeWatched(args)) {
      found.push(databases.prefixOf(watched.database) + toByteString(watched.key))
    }
    for (const command of decodeInner(args)) declareInto(found, state, command)
  } else if (code === internalCommands.expire.code) {
    for (const arg of args) {
      const due = decodeDueKey(arg)
      if (databases.logicalOf(due.physicalDatabase) < 0) continue
      found.push(recordPrefix(due.physicalDatabase) + toByteString(due.key))
    }
  } else if (KV_CODES.includes(code)) {
    declareKv(found, state, database, args)
  } else if (code === internalCommands.once.code) {
    const { idempotency, command } = decodeOnce(args)
    found.push(...state.idempotency.declared(idempotency))
    declareInto(found, state, command)
  } else {
    const row = findCommandRow(code)
    if (row === null) return
    const prefix = databases.prefixOf(database)
    for (const key of commandKeys(row, args)) found.push(prefix + toByteString(key))
  }
}

function declareKv(
  found: ByteString[],
  { databases, idempotency }: DeclaringState,
  database: number,
  args: readonly Buffer[],
): void {
  const request = decodeKv(args)
  const prefix = databases.prefixOf(database)
  for (const { key } of [...request.compares, ...request.then, ...request.otherwise]) {
    found.push(prefix + toByteString(key))
  }
  if (request.idempotency !== null) found.push(...idempotency.declared(request.idempotency))
}
