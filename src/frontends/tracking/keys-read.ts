/**
 * The keys that a command reads, for CLIENT TRACKING: those of read commands, also inside transactions. What a
 * transaction reads and then changes itself is outdated with its own reply.
 */
import { commandKeys } from '../../engine/command-keys.ts'
import { commandRow, internalCommands } from '../../engine/command-table.ts'
import { toByteString } from '../../lib/bytes.ts'
import type { Command } from '../../protocol/commands.ts'
import { decodeInner } from '../../protocol/transaction.ts'

export interface KeysRead {
  /** To be remembered. */
  readonly keys: readonly Buffer[]
  /** Changed by the transaction that read them: to be told at once. */
  readonly outdated: readonly Buffer[]
}

const NULL = 0x2d
const NOTHING: readonly Buffer[] = []

/** Null when it reads nothing that can be tracked. */
export function keysRead({ spec, args }: Command): KeysRead | null {
  if (isTransaction(spec.code)) return keysOfTransaction(args)
  if (!spec.flags.includes('readonly')) return null
  const keys = commandKeys(spec, args)
  return keys.length === 0 ? null : { keys: keys.map((key) => Buffer.from(key)), outdated: NOTHING }
}

/** False for a transaction that did not happen, because a watched key had changed. */
export function wasExecuted({ spec }: Command, reply: Buffer): boolean {
  return !isTransaction(spec.code) || reply[1] !== NULL
}

function isTransaction(code: number): boolean {
  return code === internalCommands.exec.code || code === internalCommands.execRead.code
}

function keysOfTransaction(args: readonly Buffer[]): KeysRead | null {
  const read = new Map<string, Buffer>()
  const changed = new Set<string>()
  let isAllChanged = false
  for (const command of decodeInner(args)) {
    const row = commandRow(command.code)
    const keys = commandKeys(row, command.args)
    if (row.flags.includes('readonly')) for (const key of keys) read.set(toByteString(key), Buffer.from(key))
    else if (!row.flags.includes('write') && row.group !== 'scripting') continue
    else if (keys.length === 0) isAllChanged = true
    else for (const key of keys) changed.add(toByteString(key))
  }
  if (read.size === 0) return null
  const isOutdated = (id: string): boolean => isAllChanged || changed.has(id)
  const found = [...read]
  return {
    keys: found.filter(([id]) => !isOutdated(id)).map(([, key]) => key),
    outdated: found.filter(([id]) => isOutdated(id)).map(([, key]) => key),
  }
}
