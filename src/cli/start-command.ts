/** `kvorum start`: one node in this process. Its flags are the table of settings; the checks are the server's. */
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { ConfigError, type NodeConfig, type ResolvedConfig, resolveConfig } from '../server/config.ts'
import { envName, type Setting, settingRows } from '../server/config-settings.ts'
import { CliError, exitCodes, note } from './exit.ts'
import { otherFlags, translated } from './start-flags.ts'
import { withExamples } from './verb.ts'

export function addStartCommand(program: Command): void {
  const start = program
    .command('start')
    .description('Run one node in the foreground. Flags win over KVORUM_* variables, those over the file.')
    .option('--config <FILE>', 'TOML file with settings; keys as the flags with _ for -. [KVORUM_CONFIG]')
    .action((flags: Record<string, string | boolean>) => startNode(flags))
  for (const [, setting] of settingRows()) start.addOption(optionOf(setting))
  for (const [flag, help] of Object.entries(otherFlags))
    start.addOption(new Option(`--${flag} <VALUE>`, help).hideHelp())
  withExamples(start, [
    'kvorum start',
    'kvorum start --data /var/lib/kvorum --redis-port 7000',
    'kvorum start --node-id n1 --host 10.0.0.1 --cluster n1=10.0.0.1:9090,n2=10.0.0.2:9090,n3=10.0.0.3:9090',
    'kvorum start -addr :8080 -node-id node1 -cluster localhost:8081,localhost:8083,localhost:8085',
  ])
}

/** Flags that may be given with one dash as well. */
export function startFlagNames(): ReadonlySet<string> {
  return new Set(['config', ...settingRows().map(([, { flag }]) => flag), ...Object.keys(otherFlags)])
}

function optionOf(setting: Setting<unknown>): Option {
  const { placeholder } = setting.kind
  const name = placeholder === '' ? `--${setting.flag} [BOOLEAN]` : `--${setting.flag} <${placeholder}>`
  const fallback = setting.kind.format(setting.fallback)
  const shown = fallback === '' || fallback === 'false' ? '' : ` (default: ${fallback})`
  const option = new Option(name, `${setting.help}${shown} [${envName(setting.flag)}]`)
  return setting.hidden ? option.hideHelp() : option
}

async function startNode(options: Readonly<Record<string, string | boolean>>): Promise<void> {
  const flags = flagsOf(options)
  const config = configure(flags)
  const { runNode } = await import('../server/main.ts')
  runNode(config, () => resolve(flags).config, flags.config ?? process.env.KVORUM_CONFIG ?? '')
}

function flagsOf(options: Readonly<Record<string, string | boolean>>): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(options)) given[toFlag(name)] = String(value)
  const { flags, notes } = translated(given)
  for (const text of notes) note(text)
  return flags
}

/** From all sources as they are now; throws ConfigError. */
function resolve(flags: Readonly<Record<string, string>>): ResolvedConfig {
  return resolveConfig({ flags, env: process.env, readFile: (path) => readFileSync(path, 'utf8') })
}

function configure(flags: Readonly<Record<string, string>>): NodeConfig {
  try {
    const { config, warnings } = resolve(flags)
    for (const warning of warnings) note(`warning: ${warning}`)
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CliError(exitCodes.usage, error.message, 'kvorum start --help')
  }
}

/** commander hands options over by their camel-case names. */
function toFlag(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
