/** The tables of docs/compatibility.md, made from the tables of commands and parameters that the doors execute. */
import { commandTable as remote } from '../engine/command-table.ts'
import { type ConfigParameter, configParameters } from '../frontends/config-parameters.ts'
import { commandNotes } from '../frontends/registry/command-notes.ts'
import { shownSyntax } from '../frontends/registry/command-syntax.ts'
import { localCommands } from '../frontends/registry/command-table.ts'
import { refusedCommands } from '../frontends/registry/redis-commands.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import { code, table } from './markdown.ts'

/** One table per group, in the order of the groups' names. */
export function supportedCommands(): string {
  const groups = new Map<string, CommandSpec[]>()
  for (const spec of publicSpecs()) groups.set(spec.group, [...(groups.get(spec.group) ?? []), spec])
  return [...groups.keys()]
    .sort()
    .map((group) => {
      const specs = (groups.get(group) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1))
      return `### ${group.charAt(0).toUpperCase()}${group.slice(1)}\n\n${commandRows(specs)}`
    })
    .join('\n\n')
}

/** What is refused, by topic and reason. */
export function refusedTable(): string {
  return table(
    ['Topic', 'Commands', 'Answer'],
    refusedCommands.map(({ topic, names, reason, literal }) => [
      topic,
      names
        .split(' ')
        .map((name) => code(shownName(name)))
        .join(' '),
      literal === undefined ? `… ${reason}` : `${code(literal)}: ${reason}`,
    ]),
  )
}

/** The parameters of CONFIG, and whether they can change. */
export function parameterTable(): string {
  return table(
    ['Parameter', 'CONFIG SET'],
    configParameters.map((parameter) => [code(parameter.name), changeText(parameter)]),
  )
}

function changeText({ change }: ConfigParameter): string {
  if (change.kind === 'here') return 'this node, until it ends'
  return change.kind === 'cluster' ? 'the whole cluster, for good' : `refused: ${change.why}`
}

function commandRows(specs: readonly CommandSpec[]): string {
  return table(
    ['Command', 'Differs from Redis'],
    specs.map((spec) => {
      const syntax = shownSyntax(spec.name)
      return [
        code(`${shownName(spec.name)}${syntax === '' ? '' : ` ${syntax}`}`),
        commandNotes[spec.name] ?? '',
      ]
    }),
  )
}

function shownName(name: string): string {
  return name.replace('|', ' ').toUpperCase()
}

/** Every command and subcommand that is served; containers stand for nothing themselves. */
export function publicSpecs(): CommandSpec[] {
  const local = localCommands
    .filter(({ refusal }) => refusal === null)
    .flatMap((command) => [command, ...command.subcommands])
    .filter(({ refusal, spec }) => refusal === null && (spec.name === 'command' || !isContainer(spec.name)))
  const names = new Set(local.map(({ spec }) => spec.name))
  return [...local.map(({ spec }) => spec), ...[...remote.values()].filter(({ name }) => !names.has(name))]
}

function isContainer(name: string): boolean {
  return localCommands.some(({ spec, subcommands }) => spec.name === name && subcommands.length > 0)
}
