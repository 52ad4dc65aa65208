/** `kvorum cert ...`: a small certificate authority for a cluster. Each verb says what to do next. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { hostName, nodeName } from '../server/config-values.ts'
import { CA_NAME, pathsOf } from './cert/paths.ts'
import { print } from './exit.ts'
import { withExamples } from './verb.ts'

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
}

function common(command: Command, days: number): Command {
  return command
    .option('--out <DIR>', 'Folder of the authority and of what it signs.', DEFAULT_FOLDER)
    .addOption(new Option('--days <COUNT>', 'How long it is valid.').argParser(dayCount).default(days))
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
    throw new InvalidArgumentError(`wanted ${nodeName.wanted}, got '${name}'`)
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

function dayCount(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (days < 1 || days > DAYS_MAX)
    throw new InvalidArgumentError(`wanted 1 to ${DAYS_MAX} days, got '${text}'`)
  return days
}
