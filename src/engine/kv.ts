/** How doors make the KV command (protocol/kv.ts): a read when nothing in it can change anything. */
import type { Command, CommandSpec } from '../protocol/commands.ts'
import { encodeKv, type KvRequest } from '../protocol/kv.ts'
import { internalCommands } from './command-table.ts'

/**
 * The command of a request that checkKv() passed; decodeKvReply() reads its reply. Without a write it costs no log
 * entry, and its idempotency key is not remembered.
 */
export function kvCommand(database: number, request: KvRequest): Command {
  return { spec: kvSpec(request), database, args: encodeKv(request) }
}

/** Puts grow data (R6); updates and deletions go on when growth is refused. */
function kvSpec({ then, otherwise }: KvRequest): CommandSpec {
  const operations = [...then, ...otherwise]
  if (operations.some(({ kind }) => kind === 'put')) return internalCommands.kvPut
  return operations.every(({ kind }) => kind === 'get') ? internalCommands.kvRead : internalCommands.kv
}
