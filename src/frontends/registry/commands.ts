/**
 * Every command that clients may send, found by name: the executor's reads and writes and the doors' local
 * ones, with their subcommands. A local row stands before an executor's row of the same name (SCAN keeps its
 * cursors here).
 */
import { assert } from '../../lib/assert.ts'
import type { CommandSpec } from '../../protocol/commands.ts'
import type { LocalCommand } from '../client.ts'
import { NameTable } from '../resp/names.ts'
import { CommandDurations, CommandStats } from '../stats/command-stats.ts'
import type { SlowWatch } from '../stats/slow-watch.ts'
import type { TurnClock } from '../stats/turn-clock.ts'

export interface CommandEntry {
  readonly spec: CommandSpec
  /** null for a command that goes through execute(). */
  readonly local: LocalCommand | null
  /** By lower-case name; null when the command is no container. */
  readonly subcommands: ReadonlyMap<string, CommandEntry> | null
  readonly stats: CommandStats
}

export class Commands {
  /** Top-level commands by lower-case name. */
  readonly byName: ReadonlyMap<string, CommandEntry>
  readonly names: NameTable<CommandEntry>
  readonly durations = new CommandDurations()

  /** `turn` times the commands' answers. */
  constructor(
    specs: Iterable<CommandSpec>,
    local: readonly LocalCommand[],
    turn: TurnClock,
    slow: SlowWatch,
  ) {
    const statsOf = (spec: CommandSpec): CommandStats =>
      new CommandStats(spec, this.durations.of(spec.kind), turn, slow)
    const byName = new Map<string, CommandEntry>()
    for (const command of local) {
      assert(!byName.has(command.spec.name), () => `Local command ${command.spec.name} is there twice`)
      byName.set(command.spec.name, localEntry(command, statsOf))
    }
    for (const entry of remoteEntries(specs, statsOf)) {
      const { name } = entry.spec
      byName.set(name, merged(byName.get(name) ?? null, entry))
    }
    this.byName = byName
    this.names = new NameTable(byName)
  }

  /** Top-level commands that clients may count on: without those that are only refused. */
  get supported(): CommandEntry[] {
    return [...this.byName.values()].filter((entry) => (entry.local?.refusal ?? null) === null)
  }

  /** The entry of 'get' or 'config|get', in any case; null when there is none. */
  find(name: string): CommandEntry | null {
    const [container, sub] = name.toLowerCase().split('|') as [string, string?]
    const entry = this.byName.get(container) ?? null
    return sub === undefined ? entry : (entry?.subcommands?.get(sub) ?? null)
  }
}

/** The local row stands, with the subcommands of both. */
function merged(local: CommandEntry | null, remote: CommandEntry): CommandEntry {
  if (local === null) return remote
  if (local.subcommands === null || remote.subcommands === null) return local
  return { ...local, subcommands: new Map([...remote.subcommands, ...local.subcommands]) }
}

type StatsOf = (spec: CommandSpec) => CommandStats

function localEntry(command: LocalCommand, statsOf: StatsOf): CommandEntry {
  const { spec } = command
  const subcommands = new Map(
    command.subcommands.map((sub) => [subName(sub.spec), localEntry(sub, statsOf)] as const),
  )
  return {
    spec,
    local: command,
    subcommands: subcommands.size > 0 ? subcommands : null,
    stats: statsOf(spec),
  }
}

/** Rows 'container|sub' are gathered under a row of their container, which is made when there is none. */
function remoteEntries(specs: Iterable<CommandSpec>, statsOf: StatsOf): CommandEntry[] {
  const tops = new Map<string, CommandSpec>()
  const subs = new Map<string, Map<string, CommandEntry>>()
  for (const spec of specs) {
    const bar = spec.name.indexOf('|')
    if (bar < 0) {
      tops.set(spec.name, spec)
      continue
    }
    const container = spec.name.slice(0, bar)
    if (!tops.has(container)) tops.set(container, containerSpec(container, spec))
    const siblings = subs.get(container) ?? new Map<string, CommandEntry>()
    siblings.set(subName(spec), { spec, local: null, subcommands: null, stats: statsOf(spec) })
    subs.set(container, siblings)
  }
  return [...tops.values()].map((spec) => {
    return { spec, local: null, subcommands: subs.get(spec.name) ?? null, stats: statsOf(spec) }
  })
}

function containerSpec(name: string, sub: CommandSpec): CommandSpec {
  const summary = `A container for ${name.toUpperCase()} commands.`
  return { ...sub, name, code: 0, arity: -2, flags: [], keys: [0, 0, 0], categories: ['@slow'], summary }
}

/** The subcommands that clients may count on. */
export function supportedSubcommands({ subcommands }: CommandEntry): CommandEntry[] {
  return [...(subcommands?.values() ?? [])].filter((entry) => (entry.local?.refusal ?? null) === null)
}

function subName(spec: CommandSpec): string {
  return spec.name.slice(spec.name.indexOf('|') + 1)
}
