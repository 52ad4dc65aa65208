/**
 * The composition root: configuration in, a running node out. Builds the real seams, opens the node and its doors, and
 * ends the process in the ways that are allowed: R17 on a signal or SHUTDOWN, at once on a second signal, at once when
 * the log cannot be written (R6) or its disk hangs for good (R4).
 */
import { readFileSync } from 'node:fs'
import type { Node } from '../cluster/node.ts'
import type { NodeSettings } from '../cluster/node-options.ts'
import { openNode } from '../cluster/open-node.ts'
import { defaultDoorsConfig } from '../frontends/config.ts'
import { type Doors, openDoors } from '../frontends/doors.ts'
import type { NodeConfig } from './config.ts'
import { jobCatalogModule } from './job-catalog.ts'
import { type NodeLog, openLog } from './logging.ts'
import { processIdentity } from './process-identity.ts'
import { killSelf } from './seams/kill-self.ts'
import { RealClock } from './seams/real-clock.ts'
import { RealDisk } from './seams/real-disk.ts'
import { RealJobs } from './seams/real-jobs.ts'
import { RealNetwork } from './seams/real-network.ts'
import { RealRandom } from './seams/real-random.ts'

/** R17: how long another node gets to take over leadership. */
const HAND_OVER_MS = 1_000
/** After this long a shutdown that hangs is cut. */
const SHUTDOWN_MS = 8_000
const EXIT_FAILED = 1

/** Runs one node until the process ends. Errors of opening are logged, and the process ends with status 1. */
export function runNode(config: NodeConfig): void {
  new NodeProcess(config).start()
}

class NodeProcess {
  readonly #config: NodeConfig
  readonly #log: NodeLog
  readonly #clock = new RealClock()
  #node: Node | null = null
  #doors: Doors | null = null
  #leaving = false

  constructor(config: NodeConfig) {
    this.#config = config
    this.#log = openLog({ level: config.logLevel, format: config.logFormat, node: config.nodeId })
  }

  start(): void {
    process.title = `kvorum ${this.#config.nodeId}`
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal))
    const seams = {
      clock: this.#clock,
      random: new RealRandom(),
      disk: new RealDisk(),
      network: new RealNetwork(),
      jobs: new RealJobs(jobCatalogModule),
      logJobs: new RealJobs(jobCatalogModule),
    }
    openNode(
      {
        settings: nodeSettings(this.#config),
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
        if (error !== null) return this.#fail(error)
        this.#node = node
        void this.#openDoors(node)
      },
    )
  }

  async #openDoors(node: Node): Promise<void> {
    const { host, redisPort, httpPort, advertiseRedis, advertiseHttp, allowedHosts } = this.#config
    const { password, insecure, maxClients } = this.#config
    const { logger } = this.#log
    try {
      const doors = await openDoors({
        executor: node,
        clock: this.#clock,
        config: {
          ...defaultDoorsConfig,
          host,
          redisPort,
          httpPort,
          advertiseRedis,
          advertiseHttp,
          allowedHosts,
          password,
          insecure,
          maxClients,
          commandTimeoutMs: COMMAND_TIMEOUT_MS,
        },
        log: (level, message, fields) => logger[level](message, fields),
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
      this.#fail(error as Error)
    }
  }

  #onSignal(signal: string): void {
    if (this.#leaving) return this.#exit(0)
    this.#shutDown(signal, false)
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

  #fail(error: Error): void {
    const { code } = error as NodeJS.ErrnoException
    this.#log.logger.error('The node cannot go on', {
      error: error.message,
      ...(code === undefined ? {} : { code }),
    })
    this.#exit(EXIT_FAILED)
  }

  #die(): void {
    this.#log.logger.error('The log disk has not answered for 30 s: the process ends')
    this.#log.flush()
    this.#node?.closeSockets()
    killSelf()
  }

  #exit(status: number): void {
    this.#log.flush()
    process.exit(status)
  }
}

/** Longer than the hold limit: the cluster answers first, and truthfully. */
const COMMAND_TIMEOUT_MS = 10_000

function nodeSettings(config: NodeConfig): NodeSettings {
  const own = config.cluster.find((node) => node.name === config.nodeId)
  return {
    name: config.nodeId,
    folder: config.data,
    peerListen: { host: config.host, port: config.peerPort },
    peerAddress: own?.address ?? `${config.host}:${config.peerPort}`,
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
    lowSpaceBytes: config.lowSpaceBytes,
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
