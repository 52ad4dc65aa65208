/** The verbs of `kvorum` with their arguments and help: every help text begins with real examples. */
import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { addCertCommands } from './cert-commands.ts'
import { addClusterCommands } from './cluster-commands.ts'
import { addDataCommands } from './data-commands.ts'
import { addDemoCommand } from './demo-command.ts'
import { exitCodes, exitMeanings } from './exit.ts'
import { addHealthCommand } from './health-command.ts'
import { addNodeCommands } from './node-commands.ts'
import { runShell } from './shell.ts'
import { addStartCommand } from './start-command.ts'
import { targetOf, wholeNumber, withExamples } from './verb.ts'

/** The version in package.json. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

export function buildProgram(): Command {
  const program = new Command('kvorum')
    .description('A durable, replicated key-value database.')
    .version(packageVersion(), '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help.')
    .helpCommand('help [command]', 'Print help for a command.')
    .addOption(
      new Option(
        '-u, --url <url>',
        'Server: redis[s]://[[user]:password@]host[:port][/database]; may be repeated.',
      ).argParser(collect),
    )
    .addOption(new Option('-n, --node <name>', 'Node of the local cluster: node2, or 2.'))
    .addOption(
      new Option('--timeout <ms>', 'Longest wait for an answer; 0 = no limit.')
        .argParser(wholeNumber(0))
        .default(10_000),
    )
    .option('--tls', 'Connect over TLS, as with rediss://.')
    .option('--cacert <FILE>', 'Authority of the servers (PEM). [KVORUM_CACERT]')
    .option('--cert <FILE>', 'Certificate of this client (PEM). [KVORUM_CERT]')
    .option('--key <FILE>', 'Private key of that certificate (PEM). [KVORUM_KEY]')
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
  withExamples(program, [
    'kvorum cluster start            three nodes on this machine, on 6379, 6380 and 6381',
    'kvorum set greeting hello       write through any node',
    'kvorum -n node2 get greeting    read from node2: the same value',
    'kvorum start                    one node in the foreground, no configuration',
  ])
  addStartCommand(program)
  addClusterCommands(program)
  addDataCommands(program)
  addShellCommand(program)
  addNodeCommands(program)
  addCertCommands(program)
  addHealthCommand(program)
  addDemoCommand(program)
  program.addHelpText('after', `\n${exitStatusHelp()}`)
  return inheritSettings(program)
}

function addShellCommand(program: Command): void {
  const shell = program
    .command('shell')
    .description(
      'Talk to a node: commands as in redis-cli, with a prompt that shows node, leader (*) and database.',
    )
    .action((_options, command: Command) => runShell(targetOf(command)))
  withExamples(shell, ['kvorum shell', 'kvorum -n node2 shell', 'echo "GET greeting" | kvorum shell'])
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}

function exitStatusHelp(): string {
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  const plain = (name: keyof typeof exitCodes): string => exitMeanings[name].replaceAll('`', '')
  const lines = names.map((name) => `  ${String(exitCodes[name]).padEnd(4)} ${plain(name)}`)
  return ['Exit status:', ...lines].join('\n')
}

/** Subcommands made before exitOverride reached them would end the process by themselves. */
function inheritSettings(command: Command): Command {
  for (const child of command.commands) {
    child.exitOverride()
    inheritSettings(child)
  }
  return command
}
