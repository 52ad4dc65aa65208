/** Which engine level (R7) a command needs, those inside it included. */
import type { Command, DecodedCommand } from '../protocol/commands.ts'
import { decodeOnce } from '../protocol/once.ts'
import { decodeInner } from '../protocol/transaction.ts'
import { commandRow, internalCommands } from './command-table.ts'
import { FIRST_LEVEL } from './level.ts'

const { exec, execRead, once } = internalCommands

/** The lowest level at which the cluster may execute the command. */
export function levelOf({ spec, args }: Command): number {
  const own = spec.level ?? FIRST_LEVEL
  const { code } = spec
  if (code !== exec.code && code !== execRead.code && code !== once.code) return own
  const inner = code === once.code ? [decodeOnce(args).command] : decodeInner(args)
  return inner.reduce((level, command) => Math.max(level, innerLevel(command)), own)
}

function innerLevel({ code, database, args }: DecodedCommand): number {
  return levelOf({ spec: commandRow(code), database, args })
}
