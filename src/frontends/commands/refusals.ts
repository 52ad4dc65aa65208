/** Commands of Redis that are refused with what to do instead, not as unknown; the rows are in redis-commands.ts. */
import { errorReply } from '../../protocol/reply.ts'
import { type LocalCommand, localCommand } from '../client.ts'
import { refusalText, refusedCommands } from '../registry/redis-commands.ts'

function refusal(name: string, reply: Buffer): LocalCommand {
  return localCommand({
    name,
    arity: name.includes('|') ? -2 : -1,
    group: 'server',
    flags: ['noscript', 'stale'],
    categories: ['@slow'],
    refusal: reply,
    inTransaction: 'refuse',
    summary: 'Refused.',
    run: () => reply,
  })
}

function refusalsBy(isWanted: (name: string) => boolean): LocalCommand[] {
  return refusedCommands.flatMap((row) =>
    row.names
      .split(' ')
      .filter(isWanted)
      .map((name) => refusal(name, errorReply(refusalText(name, row)))),
  )
}

/** Whole commands. */
export const refusals: readonly LocalCommand[] = refusalsBy((name) => !name.includes('|'))

/** Those subcommands of a container that are refused. */
export function refusedSubcommands(container: string): LocalCommand[] {
  return refusalsBy((name) => name.startsWith(`${container}|`))
}
