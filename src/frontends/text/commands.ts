/** What text protocols make of their lines: commands of the cluster, on database 0. */
import { must } from '../../lib/assert.ts'
import type { Command } from '../../protocol/commands.ts'
import type { Door } from '../door.ts'

/** The command `name` with `args`; asserts that there is such a command. */
export function commandOf(door: Door, name: string, args: readonly Buffer[]): Command {
  return { spec: must(door.executor.commands.get(name), `command ${name}`), database: 0, args }
}
