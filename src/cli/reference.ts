/**
 * The parts of the documents that are made from tables in the code: settings, command line, errors, limits. Each stands
 * in its document between two marks; `npm run docs` writes them, a test compares them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, Option } from 'commander'
import { errors } from '../protocol/errors.ts'
import { limits } from '../protocol/limits.ts'
import { envName, fileKey, type Setting, settingRows } from '../server/config-settings.ts'
import { formatBytes } from '../server/config-values.ts'
import { parameterTable, refusedTable, supportedCommands } from './compatibility.ts'
import { exitCodes, exitMeanings } from './exit.ts'
import { code, table } from './markdown.ts'
import { metricsSections } from './metrics-table.ts'
import { buildProgram } from './program.ts'
import { projectRoot } from './project-root.ts'

const SECTIONS: Readonly<Record<string, () => string>> = {
  settings: () => settingsTable(false),
  'hidden settings': () => settingsTable(true),
  commands: () => commandSections(buildProgram(), ''),
  'exit statuses': exitTable,
  errors: errorTable,
  limits: limitTable,
  metrics: metricsSections,
  'supported commands': supportedCommands,
  'refused commands': refusedTable,
  'configuration parameters': parameterTable,
}

/** Every document with generated parts, by its path in the project. */
export const GENERATED_DOCUMENTS = [
  'docs/reference/configuration.md',
  'docs/reference/cli.md',
  'docs/internals/errors.md',
  'docs/internals/limits.md',
  'docs/metrics.md',
  'docs/compatibility.md',
] as const

const MARKED = /<!-- begin generated: (.+?) -->\n[\s\S]*?<!-- end generated -->/g

/** The document with its generated parts made anew. Throws for a mark whose section does not exist. */
export function regenerate(document: string): string {
  return document.replace(MARKED, (_whole, name: string) => {
    const section = SECTIONS[name]
    if (section === undefined) throw new Error(`Cannot generate '${name}': there is no such section`)
    return `<!-- begin generated: ${name} -->\n${section()}\n<!-- end generated -->`
  })
}

function settingsTable(hidden: boolean): string {
  const rows = settingRows().filter(([, setting]) => setting.hidden === hidden)
  return table(
    ['Flag', 'Environment', 'File', 'Default', 'Meaning'],
    rows.map(([, setting]) => [
      code(`--${setting.flag}`),
      environment(setting),
      code(fileKey(setting.flag)),
      code(setting.kind.format(setting.fallback)),
      `${setting.help} Value: ${setting.kind.wanted}.`,
    ]),
  )
}

function environment(setting: Setting<unknown>): string {
  const name = envName(setting.flag)
  return setting.secret ? `${code(name)}, ${code(`${name}_FILE`)}` : code(name)
}

/** One section per verb that does something; groups only lead to their verbs. */
function commandSections(command: Command, parents: string): string {
  const path = `${parents}${parents === '' ? '' : ' '}${command.name()}`
  const own = command.commands.length > 0 && parents !== '' ? [] : [commandSection(command, path)]
  return [...own, ...command.commands.map((child) => commandSections(child, path))].join('\n\n')
}

function commandSection(command: Command, path: string): string {
  const isRoot = !path.includes(' ')
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  const title = isRoot ? 'Options of every command' : `\`${[path, ...words].join(' ')}\``
  // `kvorum start` has the whole table of settings, which has a page of its own.
  const options = path === 'kvorum start' ? command.options.slice(0, 1) : command.options
  const lines = options.filter((option) => !option.hidden).map(optionLine)
  const more = path === 'kvorum start' ? ['- All settings: see [configuration](configuration.md).'] : []
  const text = isRoot ? 'They may stand before or behind the verb.' : command.description()
  return [`### ${title}`, '', text, ...(lines.length + more.length > 0 ? ['', ...lines, ...more] : [])].join(
    '\n',
  )
}

function optionLine(option: Option): string {
  const fallback = option.defaultValue === undefined ? '' : ` Default: \`${option.defaultValue}\`.`
  return `- \`${option.flags}\`: ${option.description}${fallback}`
}

function exitTable(): string {
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  return table(
    ['Status', 'Meaning'],
    names.map((name) => [exitCodes[name], exitMeanings[name]]),
  )
}

function errorTable(): string {
  return table(
    ['Code', 'Effect', 'Retry', 'RESP', 'HTTP', 'Exit'],
    Object.entries(errors).map(([name, error]) => [
      code(name),
      error.effect,
      error.retryable ? 'yes' : 'no',
      code(error.resp),
      error.http,
      error.exit,
    ]),
  )
}

/** Meanings are the comments above the rows of the table in the source. */
function limitTable(): string {
  const source = readFileSync(join(projectRoot(), 'src', 'protocol', 'limits.ts'), 'utf8')
  const meanings = commentsByProperty(source)
  return table(
    ['Limit', 'Value', 'Meaning'],
    Object.entries(limits).map(([name, value]) => [
      code(name),
      limitValue(name, value),
      meanings.get(name) ?? '',
    ]),
  )
}

function limitValue(name: string, value: number): string {
  if (/Bytes(Max)?$/.test(name)) return formatBytes(value)
  return name.endsWith('Ms') ? `${value} ms` : String(value)
}

/** A comment holds for the properties that follow it, until the next comment. */
export function commentsByProperty(source: string): Map<string, string> {
  const found = new Map<string, string>()
  let comment = ''
  for (const match of source.matchAll(/\/\*\*([\s\S]*?)\*\/|^ {2}(\w+):/gm)) {
    if (match[1] !== undefined) comment = match[1].replace(/\s*\n\s*\*\s*/g, ' ').trim()
    else if (match[2] !== undefined) found.set(match[2], comment)
  }
  return found
}
