/**
 * The composition root: configuration in, a running node out. Builds the real seams, opens the node and its doors, and
 * ends the process in the ways that are allowed: R17 on a signal or SHUTDOWN, at once on a second signal, at once when
 * the log cannot be written (R6) or its disk hangs for good (R4).
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import type { Node } from '../cluster/node.ts'
import type { NodeSettings } from '../cluster/node-options.ts'
import { openNode } from '../cluster/open-node.ts'
import type { Timing } from '../cluster/timing.ts'
import { defaultDoorsConfig } from '../frontends/config.ts'
import { type Doors, openDoors } from '../frontends/doors.ts'
import type { Credentials } from '../frontends/security/credentials.ts'
import { errorCode } from '../lib/coded-error.ts'
import type { NodeConfig } from './config.ts'
import { ownPeerAddress } from './config-forms.ts'
import { ConfigFile } from './config-rewrite.ts'
import { jobCatalogModule } from './job-catalog.ts'
import { LiveConfig } from './live-config.ts'
import { type LogLevel, type NodeLog, openLog } from './logging.ts'
import { processIdentity } from './process-identity.ts'
import { killSelf } from './seams/kill-self.ts'
import { RealClock } from './seams/real-clock.ts'
import { RealConnection } from './seams/real-connection.ts'
import { RealDisk } from './seams/real-disk.ts'
import { RealJobs } from './seams/real-jobs.ts'
import { RealNetwork } from './seams/real-network.ts'
import { RealRandom } from './seams/real-random.ts'
import { startFailure } from './start-failure.ts'
import { NodeTls } from './tls/node-tls.ts'

/** R17: how long another node gets to take over leadership. */
const HAND_OVER_MS = 1_000
/** After this long a shutdown that hangs is cut. */
const SHUTDOWN_MS = 8_000
const EXIT_FAILED = 1

/**
 * Runs one node until the process ends; `read` gives its configuration anew on SIGHUP (live-config.ts), `configFile` is
 * the file that CONFIG REWRITE changes, '' = none. Errors of opening are logged, and the process ends with status 1.
 */
export function runNode(config: NodeConfig, read: () => NodeConfig, configFile = ''): void {
  new NodeProcess(config, read, configFile).start()
}

class NodeProcess {
  readonly #config: NodeConfig
  readonly #read: () => NodeConfig
  /** An absolute path, or ''. */
  readonly #configFile: string
  readonly #log: NodeLog
  readonly #clock = new RealClock()
  #node: Node | null = null
  #doors: Doors | null = null
  #leaving = false
  /** As it was at the start: a closed terminal is none. */
  readonly #isInTerminal = isatty(0)
  readonly #logsToTerminal = isatty(1)
  /** It went to a terminal that is closed. */
  #isLogLost = false

  constructor(config: NodeConfig, read: () => NodeConfig, configFile: string) {
    this.#config = config
    this.#read = read
    this.#configFile = configFile === '' ? '' : resolve(configFile)
    this.#log = openLog({
      level: config.logLevel,
      format: config.logFormat,
      node: config.nodeId || hostname(),
    })
  }

  start(): void {
    process.title = `kvorum ${this.#config.nodeId}`.trim()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal))
    try {
      this.#open()
    } catch (error) {
      this.#failToStart(error as Error)
    }
  }

  /** Throws when the certificate cannot be used. */
  #open(): void {
    const { logger } = this.#log
    const setLogLevel = (level: LogLevel): void => {
      this.#log.level = level
    }
    const config = this.#config
    const tls = config.tlsCert === '' ? null : new NodeTls(config, this.#clock, logger)
    const credentials = (): Credentials | null => this.#doors?.door.credentials ?? null
    const live = new LiveConfig(config, { logger, setLogLevel, tls, credentials, read: this.#read })
    process.on('SIGHUP', () => this.#onHangUp(live))
    const seams = {
      clock: this.#clock,
      random: new RealRandom(),
      disk: new RealDisk(),
      network: new RealNetwork(tls?.peers ?? null),
      jobs: new RealJobs(jobCatalogModule),
      logJobs: new RealJobs(jobCatalogModule),
    }
    openNode(
      {
        settings: { ...nodeSettings(config), clusterSecrets: live.clusterSecrets },
        seams,
        logger: this.#log.logger,
        version: packageVersion(),
        pid: process.pid,
        machineBootId: machineBootId(),
        isAlive,
        onFatal: (error) => this.#fail(error),
        onDead: () => this.#die(),
        onShutdown: (now) => this.#shutDown(now ? 'SHUTDOWN NOW' : 'SHUTDOWN', now),
      },
      (error, node) => {
        if (error !== null) return this.#failToStart(error)
        this.#node = node
        void this.#openDoors(node, live, tls)
      },
    )
  }

  async #openDoors(node: Node, live: LiveConfig, tls: NodeTls | null): Promise<void> {
    const { host, onePort, redisPort, httpPort, advertiseRedis, advertiseHttp, allowedHosts, corsOrigins } =
      this.#config
    const { insecure, metricsOpen, maxClients, tlsHandshakeMs } = this.#config
    const { password, previousPassword } = live.config
    const { logger } = this.#log
    try {
      const doors = await openDoors({
        executor: node,
        clock: this.#clock,
        config: {
          ...defaultDoorsConfig,
          host,
          onePort,
          redisPort,
          httpPort,
          advertiseRedis,
          advertiseHttp,
          allowedHosts,
          corsOrigins,
          inline: this.#config.inline,
          notifyKeyspaceEvents: this.#config.notifyKeyspaceEvents,
          password,
          previousPassword,
          tlsHandshakeMs,
          insecure,
          metricsOpen,
          maxClients,
          parameters: doorParameters(this.#config),
          configFile: this.#configFile,
          commandTimeoutMs: 2 * this.#config.holdMs,
        },
        log: (level, message, fields) => logger[level](message, fields),
        logLevel: this.#log,
        ...(this.#configFile === '' ? {} : { rewriteConfig: new ConfigFile(this.#configFile).rewrite }),
        ...(tls === null ? {} : { tls: tls.ports, certificateEndsMs: () => tls.endsAtMs }),
        acceptPeer: this.#config.hasPeerPort ? null : (socket) => node.acceptPeer(new RealConnection(socket)),
      })
      this.#doors = doors
      node.setAddresses(
        advertiseRedis || `${host}:${doors.redisPort}`,
        advertiseHttp || `${host}:${doors.httpPort}`,
      )
      logger.info('Node is up', {
        redis: doors.redisPort,
        http: doors.httpPort,
        peer: node.peerPort,
        pid: process.pid,
      })
    } catch (error) {
      this.#failToStart(error as Error)
    }
  }

  #onSignal(signal: string): void {
    if (this.#leaving) return this.#exit(0)
    this.#shutDown(signal, false)
  }

  /** A daemon reads its configuration again; one whose terminal was closed ends, as it would without a handler. */
  #onHangUp(live: LiveConfig): void {
    if (this.#leaving) return
    if (!this.#isInTerminal || hasTerminal()) return live.reload()
    this.#isLogLost = this.#logsToTerminal
    this.#shutDown('the terminal was closed', false)
  }

  /** R17: leadership first, then the doors, then everything else. */
  #shutDown(reason: string, now: boolean): void {
    if (this.#leaving) return
    this.#leaving = true
    this.#log.logger.info('Shutting down', { reason })
    const node = this.#node
    if (node === null) return this.#exit(0)
    setTimeout(() => this.#exit(0), SHUTDOWN_MS).unref()
    this.#doors?.drain()
    node.leave(now ? 0 : HAND_OVER_MS, () => this.#closeDoors(() => node.close(() => this.#exit(0))))
  }

  #closeDoors(done: () => void): void {
    if (this.#doors === null) done()
    else this.#doors.close(done)
  }

  #failToStart(error: Error): void {
    this.#end('The node cannot start', startFailure(error, this.#config), errorCode(error))
  }

  #fail(error: Error): void {
    this.#end('The node cannot go on', error.message, errorCode(error))
  }

  #end(message: string, error: string, code: string): void {
    this.#log.logger.error(message, { error, ...(code === '' ? {} : { code }) })
    this.#exit(EXIT_FAILED)
  }

  #die(): void {
    this.#log.logger.error('The log disk has not answered for 30 s: the process ends')
    this.#log.flush()
    this.#node?.closeSockets()
    killSelf()
  }

  #exit(status: number): void {
    // At exit, too, the log would be tried for ever.
    if (this.#isLogLost) killSelf()
    this.#log.flush()
    process.exit(status)
  }
}

/** Parameters of CONFIG, by their names there. */
function doorParameters(config: NodeConfig): Record<string, string> {
  return {
    timeout: config.clientTimeout,
    'client-output-buffer-limit': config.clientOutputBufferLimit,
    'slowlog-log-slower-than': config.slowlogLogSlowerThan,
    'slowlog-max-len': config.slowlogMaxLen,
    'latency-monitor-threshold': config.latencyMonitorThreshold,
  }
}

function nodeSettings(config: NodeConfig): NodeSettings {
  return {
    name: config.nodeId,
    folder: config.data,
    peerListen: config.hasPeerPort ? { host: config.host, port: config.peerPort } : null,
    peerAddress: ownPeerAddress(config),
    cluster: config.cluster,
    redisAddress: config.advertiseRedis,
    httpAddress: config.advertiseHttp,
    clusterSecret: config.clusterSecret,
    segmentBytes: config.segmentBytes,
    entryCacheBytes: config.entryCacheBytes,
    memtableBytes: config.memtableBytes,
    memtableLogBytes: config.memtableLogBytes,
    blockCacheBytes: config.blockCacheBytes,
    trailingLogBytes: config.trailingLogBytes,
    watchHistoryBytes: config.watchHistoryBytes,
    lowSpaceBytes: config.lowSpaceBytes,
    timing: timingOf(config),
  }
}

/** Silence that is no reason for an election yet does not make commands be refused. */
function timingOf({ electionTimeoutMs, heartbeatMs, silenceMs, holdMs }: NodeConfig): Timing {
  return {
    electionMs: electionTimeoutMs,
    heartbeatMs,
    silenceMs: Math.max(silenceMs, 2 * electionTimeoutMs),
    holdMs,
  }
}

/** Is there still a terminal that could be read from? */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Process ids begin anew with each boot; where the system does not tell, a lock is judged by its pid alone. */
function machineBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

/** A killed process that nobody has collected yet (a zombie) holds nothing any more. */
function isAlive(pid: number): boolean {
  return processIdentity(pid) !== null
}
