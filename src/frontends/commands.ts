/**
 * Every command that clients may send, found by name: the executor's reads and writes and the doors' local
 * ones, with their subcommands. A local row stands before an executor's row of the same name (SCAN keeps its
 * cursors here).
 */
import { assert } from '../lib/assert.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import type { LocalCommand } from './client.ts'
import { NameTable } from './resp/names.ts'

export interface CommandEntry {
  readonly spec: CommandSpec
  /** null for a command that goes through execute(). */
  readonly local: LocalCommand | null
  /** By lower-case name; null when the command is no container. */
  readonly subcommands: ReadonlyMap<string, CommandEntry> | null
}

export class Commands {
  /** Top-level commands by lower-case name. */
  readonly byName: ReadonlyMap<string, CommandEntry>
  readonly names: NameTable<CommandEntry>

  constructor(specs: Iterable<CommandSpec>, local: readonly LocalCommand[]) {
    const byName = new Map<string, CommandEntry>()
    for (const command of local) {
      assert(!byName.has(command.spec.name), () => `Local command ${command.spec.name} is there twice`)
      byName.set(command.spec.name, localEntry(command))
    }
    for (const entry of remoteEntries(specs)) {
      if (!byName.has(entry.spec.name)) byName.set(entry.spec.name, entry)
    }
    this.byName = byName
    this.names = new NameTable(byName)
  }

  /** The entry of 'get' or 'config|get', in any case; null when there is none. */
  find(name: string): CommandEntry | null {
    const [container, sub] = name.toLowerCase().split('|') as [string, string?]
    const entry = this.byName.get(container) ?? null
    return sub === undefined ? entry : (entry?.subcommands?.get(sub) ?? null)
  }
}

function localEntry(command: LocalCommand): CommandEntry {
  const subcommands = new Map(command.subcommands.map((sub) => [subName(sub.spec), localEntry(sub)] as const))
  return { spec: command.spec, local: command, subcommands: subcommands.size > 0 ? subcommands : null }
}

/** Rows 'container|sub' are gathered under a row of their container, which is made when there is none. */
function remoteEntries(specs: Iterable<CommandSpec>): CommandEntry[] {
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
    siblings.set(subName(spec), { spec, local: null, subcommands: null })
    subs.set(container, siblings)
  }
  return [...tops.values()].map((spec) => ({ spec, local: null, subcommands: subs.get(spec.name) ?? null }))
}

function containerSpec(name: string, sub: CommandSpec): CommandSpec {
  const summary = `A container for ${name.toUpperCase()} commands.`
  return { ...sub, name, code: 0, arity: -2, flags: [], keys: [0, 0, 0], summary }
}

function subName(spec: CommandSpec): string {
  return spec.name.slice(spec.name.indexOf('|') + 1)
}
