/** `kvorum cert ...`: a small certificate authority for a cluster. Each verb says what to do next. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { hostName, nodeName } from '../server/config-values.ts'
import { CA_NAME, pathsOf } from './cert/paths.ts'
import { CliError, exitCodes, print } from './exit.ts'
import { wholeNumber, withExamples } from './verb.ts'

const DEFAULT_FOLDER = './kvorum-certs'
const CA_DAYS = 3_650
const CERTIFICATE_DAYS = 365
const DAYS_MAX = 36_500
/** What every node's certificate covers besides its own name: the machine itself. */
const OWN_HOSTS = ['localhost', '127.0.0.1', '::1']

interface Options {
  readonly out: string
  readonly days: number
  readonly host?: readonly string[]
  readonly renew?: boolean
}

export function addCertCommands(program: Command): void {
  const cert = program
    .command('cert')
    .description('Make the certificates of a cluster: an authority, and what it signs.')
  withExamples(cert, [
    'kvorum cert ca                               the authority: ca.crt, and ca.key, which stays with you',
    'kvorum cert node n1 --host 10.0.0.1          for the node n1, reached at 10.0.0.1',
    'kvorum cert client app                       for an application, where clients must show one',
    'kvorum cert node n1 --renew                  another year for the same key and names',
    'kvorum cert revoke n1                        what was made for n1 counts no more: ca.crl',
  ])
  common(cert.command('ca'), CA_DAYS)
    .description('Make the authority that signs the certificates of one cluster.')
    .action((options: Options) => makeCa(options))
  common(cert.command('node <name>'), CERTIFICATE_DAYS)
    .description('Make the certificate of a node. The name is its --node-id.')
    .addOption(
      new Option('--host <HOST,...>', 'Host names and addresses at which it is reached.').argParser(hostList),
    )
    .option('--renew', 'Keep key and names, replace the certificate.')
    .action((name: string, options: Options) => makeNode(name, options))
  common(cert.command('client <name>'), CERTIFICATE_DAYS)
    .description('Make the certificate of a client.')
    .option('--renew', 'Keep the key, replace the certificate.')
    .action((name: string, options: Options) => makeClient(name, options))
  cert
    .command('revoke [names...]')
    .description('Take back every certificate of these names; without names, write the list as it is.')
    .option('--out <DIR>', 'Folder of the authority and of what it signs.', DEFAULT_FOLDER)
    .action((names: readonly string[], options: Options) => revokeNames(names, options))
}

async function revokeNames(names: readonly string[], options: Pick<Options, 'out'>): Promise<void> {
  for (const name of names) requireName(name)
  const { revoke } = await import('./cert/revoke.ts')
  const path = revoke(options.out, names, Date.now())
  print(`Wrote ${path}.`)
  print('Next: copy it to every node, and kill -HUP those that read it already.')
  print(`The others: tls_crl = "${resolve(path)}" in the configuration file, then kill -HUP;`)
  print('or restart them with --tls-crl.')
}

function common(command: Command, days: number): Command {
  return command
    .option('--out <DIR>', 'Folder of the authority and of what it signs.', DEFAULT_FOLDER)
    .addOption(
      new Option('--days <COUNT>', 'How long it is valid.').argParser(wholeNumber(1, DAYS_MAX)).default(days),
    )
}

async function makeCa(options: Options): Promise<void> {
  const { makeAuthority } = await import('./cert/files.ts')
  const made = makeAuthority(options.out, options.days)
  print(`Made ${made.cert} (for every node and client) and ${made.key} (keep it to yourself).`)
  print(`Next: kvorum cert node NAME --host HOST${outOption(options)}`)
}

async function makeNode(name: string, options: Options): Promise<void> {
  requireName(name)
  const { makeCertificate } = await import('./cert/files.ts')
  const renew = options.renew === true
  const given = options.host ?? []
  const hosts = renew && given.length === 0 ? [] : unique([name, ...given, ...OWN_HOSTS, hostname()])
  const made = makeCertificate({ ...wanted(options), use: 'node', name, hosts, renew })
  if (renew) return sayRenewed(made.cert)
  const ca = pathsOf(options.out, CA_NAME).cert
  print(`Made ${made.cert} and ${made.key}, for ${hosts.join(', ')}.`)
  print(`Next: kvorum start --node-id ${name} ${flagsOf(made, ca)}`)
}

async function makeClient(name: string, options: Options): Promise<void> {
  requireName(name)
  const { makeCertificate } = await import('./cert/files.ts')
  const renew = options.renew === true
  const made = makeCertificate({ ...wanted(options), use: 'client', name, hosts: [], renew })
  if (renew) return sayRenewed(made.cert)
  const ca = pathsOf(options.out, CA_NAME).cert
  print(`Made ${made.cert} and ${made.key}.`)
  print(`Next: redis-cli --tls --cacert ${ca} --cert ${made.cert} --key ${made.key}`)
}

function sayRenewed(path: string): void {
  print(`Renewed ${path}.`)
  print('Next: kill -HUP the node that uses it; its connections stay.')
}

function wanted(options: Options): { folder: string; days: number } {
  return { folder: options.out, days: options.days }
}

function flagsOf(made: { cert: string; key: string }, ca: string): string {
  return `--tls-cert ${resolve(made.cert)} --tls-key ${resolve(made.key)} --tls-ca ${resolve(ca)}`
}

function outOption(options: Options): string {
  return options.out === DEFAULT_FOLDER ? '' : ` --out ${options.out}`
}

function unique(hosts: readonly string[]): string[] {
  return [...new Set(hosts)]
}

function requireName(name: string): void {
  if (nodeName.parse(name) === undefined)
    throw new CliError(exitCodes.usage, `Cannot use '${name}' as a name: wanted ${nodeName.wanted}`)
}

function hostList(text: string): readonly string[] {
  const hosts = text.split(',').map((host) => host.trim().replace(/^\[|\]$/g, ''))
  const wrong = hosts.find((host) => host === '' || (!isPattern(host) && hostName.parse(host) === undefined))
  if (wrong !== undefined) throw new InvalidArgumentError(`wanted ${hostName.wanted}, got '${wrong}'`)
  return hosts
}

/** '*.db.example.com': all names of one level below it. */
function isPattern(host: string): boolean {
  return host.startsWith('*.') && hostName.parse(host.slice(2)) !== undefined
}
