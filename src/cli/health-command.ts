/**
 * `kvorum health`: asks a node over HTTP whether it is ready, and says so by the exit status; what health checks of
 * containers and services call. Finds the port as the node itself does, from KVORUM_* variables.
 */
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { type Command, Option } from 'commander'
import { ConfigError, type NodeConfig, resolveConfig } from '../server/config.ts'
import { CliError, exitCodes, print } from './exit.ts'
import { withExamples } from './verb.ts'

const LIMIT_MS = 4_000
const ANSWER_BYTES = 64 * 1024
const REMEDY = 'kvorum health --http-url http://host:port'

const paths = { live: '/livez', ready: '/readyz', leader: '/readyz/leader' } as const

interface Options {
  readonly check: keyof typeof paths
  readonly httpUrl?: string
}

export function addHealthCommand(program: Command): void {
  const health = program
    .command('health')
    .description('Ask the node on this machine whether it is ready; exit status 0 or 7.')
    .addOption(
      new Option('--check <what>', 'live: it answers; ready: it serves; leader: it leads.')
        .choices(Object.keys(paths))
        .default('ready'),
    )
    .option(
      '--http-url <url>',
      'Its HTTP port, http[s]://host:port; from KVORUM_HOST and KVORUM_HTTP_PORT when not said.',
    )
    .action((options: Options) => checkHealth(options))
  withExamples(health, ['kvorum health', 'kvorum health --check leader --http-url http://127.0.0.1:8081'])
}

async function checkHealth(options: Options): Promise<void> {
  const own = options.httpUrl === undefined ? ownConfig() : null
  const answer = await get(pageOf(options.httpUrl ?? urlOf(own), paths[options.check]), tlsOf(own))
  print(answer.text.trimEnd())
  if (answer.status !== 200) throw new CliError(exitCodes.noQuorum, `The node is not ${options.check}`)
}

function pageOf(server: string, path: string): URL {
  const url = URL.canParse(path, server) ? new URL(path, server) : null
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new CliError(exitCodes.usage, `Cannot use '${server}' for --http-url: wanted http[s]://host:port`)
}

/** Of the node that was started with this environment. */
function ownConfig(): NodeConfig {
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  try {
    return resolveConfig({ flags: {}, env: process.env, readFile }).config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CliError(exitCodes.usage, error.message, REMEDY)
  }
}

function urlOf(config: NodeConfig | null): string {
  if (config === null) return ''
  const host = config.host === '0.0.0.0' ? '127.0.0.1' : config.host === '::' ? '[::1]' : config.host
  return `${speaksTls(config) ? 'https' : 'http'}://${host}:${config.httpPort}`
}

function speaksTls(config: NodeConfig): boolean {
  return config.tlsCert !== '' && config.tlsHttp === 'on'
}

/** The node's own files: it is asked for its health with the certificate that it shows. */
function tlsOf(config: NodeConfig | null): RequestOptions {
  const ca = process.env.KVORUM_CACERT ?? ''
  if (config === null || !speaksTls(config)) return ca === '' ? {} : { ca: readFileSync(ca) }
  const cert = readFileSync(config.tlsCert)
  return {
    cert,
    key: readFileSync(config.tlsKey),
    ...(config.tlsKeyPassphrase === '' ? {} : { passphrase: config.tlsKeyPassphrase }),
    // A public authority is one that Node.js knows.
    ...(config.tlsCa === '' ? {} : { ca: readFileSync(config.tlsCa) }),
    // It listens at an address of this machine that the certificate need not name.
    checkServerIdentity: () => undefined,
  }
}

function get(url: URL, tls: RequestOptions): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new CliError(exitCodes.unreachable, `Cannot ask ${url.origin}: ${error.message}`, REMEDY))
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    const asked = request(url, { ...tls, timeout: LIMIT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (text.length < ANSWER_BYTES) text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', fail)
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${LIMIT_MS} ms`)))
    asked.on('error', fail)
    asked.end()
  })
}
