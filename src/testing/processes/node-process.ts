/**
 * One real node: a child process with its own folder and ports, killed by its process id only. What it prints
 * is kept and shown when a test fails.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { get } from 'node:http'
import { get as getSecure } from 'node:https'
import { fileURLToPath } from 'node:url'
import { type Argument, Connection } from '../../client/connection.ts'
import { type Reply, replyText } from '../../client/reply.ts'
import type { TlsOptions } from '../../client/socket.ts'
import type { NodeStatus } from '../../cluster/execute.ts'
import { until } from './wait.ts'

const ENTRY = fileURLToPath(new URL('./node-main.js', import.meta.url))
const KEPT_OUTPUT = 200_000
/** For one look at /readyz; the next look follows. */
const ASK_MS = 2_000
const CONNECT_MS = 60_000
const COMMAND_MS = 60_000
/**
 * A busy machine makes nodes slow, which is no failure: they refuse nothing for it that the rules' own times would
 * refuse. Flags of a test go first.
 */
const PATIENCE = { KVORUM_SILENCE_MS: '3000', KVORUM_HOLD_MS: '30000' }

export interface NodeOptions {
  readonly name: string
  readonly host: string
  readonly redisPort: number
  readonly httpPort: number
  readonly peerPort: number
  readonly data: string
  /** Further flags without dashes. */
  readonly flags: Readonly<Record<string, string | number>>
  /**
   * Words before the program, e.g. ['ip', 'netns', 'exec', 'n1']; they must exec, so that the pid is the
   * node's.
   */
  readonly prefix?: readonly string[]
  /** How to reach it over TLS, when that is what its ports speak. */
  readonly tls?: TlsOptions
  /** Words behind `start` instead of the flags made of the above, which must say the same. */
  readonly words?: readonly string[]
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Ends with the tests' process at the latest. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class NodeProcess {
  readonly options: NodeOptions
  #child: ChildProcess | null = null
  #exited: Promise<number | null> = Promise.resolve(null)
  #output = ''

  constructor(options: NodeOptions) {
    this.options = options
  }

  get name(): string {
    return this.options.name
  }

  /** The id of the running process, or 0. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child !== null
  }

  /** Everything it printed since the first start, or the newest part of it. */
  get output(): string {
    return this.#output
  }

  /** Starts the process and returns at once. */
  start(): void {
    const [program = process.execPath, ...words] = [...(this.options.prefix ?? []), process.execPath]
    const child = spawn(program, [...words, '--enable-source-maps', ENTRY, 'start', ...this.#flags()], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...withoutSettings(process.env), ...PATIENCE, ...this.options.env },
    })
    this.#child = child
    running.add(child)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8')
      stream?.on('data', (text: string) => this.#keep(text))
    }
    // The channel must not keep the test's process alive.
    child.channel?.unref()
    this.#exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#keep(`(${this.name} ended: ${code ?? signal})\n`)
        running.delete(child)
        if (this.#child === child) this.#child = null
        resolve(code)
      })
    })
  }

  /** Sends a signal to the process, which must be running. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child?.kill(signal) !== true) throw new Error(`${this.name} is not running`)
  }

  /** Resolves with its exit status (null after a signal) once it has ended. */
  exited(): Promise<number | null> {
    return this.#exited
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    if (this.#child === null) return
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async restart(): Promise<void> {
    this.start()
    await this.ready()
  }

  /** Waits until /readyz says yes; fails at once when the process ends. */
  async ready(): Promise<void> {
    await until(`${this.name} to be ready`, async () => {
      if (this.#child === null) return 'ended'
      return (await this.isReady()) ? 'ready' : null
    })
    if (this.#child === null) throw new Error(`${this.name} ended while it was starting:\n${this.#output}`)
  }

  isReady(): Promise<boolean> {
    const { host, httpPort, tls } = this.options
    return new Promise((resolve) => {
      const request = (tls === undefined ? get : getSecure)(
        { host, port: httpPort, path: '/readyz', agent: false, timeout: ASK_MS, ...tls },
        (response) => {
          response.resume()
          resolve(response.statusCode === 200)
        },
      )
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(false))
    })
  }

  connect(password = ''): Promise<Connection> {
    const { host, redisPort, tls = {} } = this.options
    const isTls = this.options.tls !== undefined
    const server = { host, port: redisPort, user: '', password, database: 0, tls: isTls }
    const limits = { connectTimeoutMs: CONNECT_MS, commandTimeoutMs: COMMAND_MS }
    return Connection.open(server, { ...limits, tls })
  }

  /** One command over a connection of its own. An error reply is thrown. */
  async command(name: string, ...args: Argument[]): Promise<Reply> {
    const connection = await this.connect()
    try {
      return await connection.command(name, ...args)
    } finally {
      connection.close()
    }
  }

  async status(): Promise<NodeStatus> {
    return JSON.parse(replyText(await this.command('KVORUM', 'STATUS')) ?? '{}')
  }

  #flags(): readonly string[] {
    if (this.options.words !== undefined) return this.options.words
    const { name, host, redisPort, httpPort, peerPort, data, flags } = this.options
    const all = {
      'node-id': name,
      host,
      'redis-port': redisPort,
      'http-port': httpPort,
      'peer-port': peerPort,
      data,
      'log-format': 'json',
      ...flags,
    }
    return Object.entries(all).map(([flag, value]) => `--${flag}=${value}`)
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT)
  }
}

/** A developer's own KVORUM_* variables must not reach a node. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('KVORUM_')))
}
