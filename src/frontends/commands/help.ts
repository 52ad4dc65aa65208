/** The HELP subcommand of a container, made from the rows of its siblings. */
import { arrayReply, simpleReply } from '../../protocol/reply.ts'
import { type LocalCommand, localCommand } from '../client.ts'
import { shownSyntax } from '../registry/command-syntax.ts'
import { supportedSubcommands } from '../registry/commands.ts'

/** Lists the container's subcommands as they are in the table at the time of the call; `further` are its categories. */
export function helpOf(container: string, since: string, ...further: string[]): LocalCommand {
  return localCommand({
    name: `${container}|help`,
    arity: 2,
    group: 'server',
    since,
    flags: ['loading', 'stale'],
    categories: ['@slow', ...further],
    summary: 'Lists the subcommands.',
    run: (_client, _args, door) => {
      const entry = door.commands.byName.get(container)
      const subcommands = entry === undefined ? [] : supportedSubcommands(entry)
      const title = `${container.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`
      const lines = subcommands.flatMap(({ spec }) => {
        const sub = spec.name.slice(spec.name.indexOf('|') + 1).toUpperCase()
        return [`${sub} ${shownSyntax(spec.name)}`.trimEnd(), `    ${spec.summary}`]
      })
      return arrayReply([title, ...lines].map(simpleReply))
    },
  })
}
