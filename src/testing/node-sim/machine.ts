/**
 * A simulated machine and the node it runs: starts it, ends it in every way a process can end, and judges its ends: a
 * node may give up only for a reason that the driver gave it (a failing disk, no space, a removal from the cluster).
 */
import type { AdminRequest } from '../../cluster/execute.ts'
import type { Node } from '../../cluster/node.ts'
import type { NodeSettings } from '../../cluster/node-options.ts'
import { openNode } from '../../cluster/open-node.ts'
import { DEFAULT_TIMING, type Timing } from '../../cluster/timing.ts'
import { must } from '../../lib/assert.ts'
import { errorCode } from '../../lib/coded-error.ts'
import type { Logger } from '../../lib/logger.ts'
import type { JobCatalog } from '../../storage/jobs.ts'
import { logJobs } from '../../storage/log/jobs.ts'
import { storeJobs } from '../../storage/store/jobs.ts'
import type { SimNetwork } from '../sim/network.ts'
import { SimNode, type SimSeams } from '../sim/node.ts'
import { Violation } from './invariants.ts'
import type { NodeSimParams } from './params.ts'

const JOBS: JobCatalog = { ...logJobs, ...storeJobs }
export const PEER_PORT = 9090
export const DATA_FOLDER = '/data'
/** The mark below which a disk counts as low, bytes. */
export const LOW_SPACE_BYTES = 1024 * 1024

/** Thrown where the real process would have exited: nothing of its code runs after it. */
export class ProcessEnded {
  readonly machine: string

  constructor(machine: string) {
    this.machine = machine
  }
}

export interface MachineOptions {
  readonly network: SimNetwork
  readonly name: string
  readonly params: NodeSimParams
  /** The --cluster list. */
  readonly cluster: readonly string[]
  /** The engine level of the program that it begins with; default: the newest. */
  readonly program?: number
  /** Default: DEFAULT_TIMING. */
  readonly timing?: Timing
  /** A process ended by itself. */
  readonly onEnd: () => void
  /** A process has opened its node: nothing was applied in it yet. */
  readonly onNode?: (node: Node) => void
  /** Gets the node's log lines. */
  readonly note: (text: string) => void
}

export class Machine {
  readonly name: string
  readonly sim: SimNode
  readonly #options: MachineOptions
  #node: Node | null = null
  #boots = 0
  /** Its removal from the cluster was asked for: it may refuse to run. */
  removing = false
  /** Removed from the cluster: stays down. */
  removed = false
  /** Its data folder was emptied and it is not a member again yet. */
  wiped = false
  /** Faults of its disk that may still be the reason of an end. */
  diskFaults = false
  leaving = false
  /** Its last process ended by a clean shutdown. */
  closedCleanly = false
  /** R7: what the program that is installed on it executes, and the most that any it ran with did. */
  program: number
  newestProgram: number
  #seams: SimSeams | null = null

  constructor(options: MachineOptions) {
    const { network, name, params } = options
    this.name = name
    this.program = options.program ?? params.engineLevel
    this.newestProgram = this.program
    this.#options = options
    const { latencyMs, syncMs, clockSkewMs, clockDrift, slowSync } = params
    const random = network.world.random.fork(`machine ${name}`)
    const around = (width: number): number => (random.float() * 2 - 1) * width
    this.sim = new SimNode(network, name, {
      catalog: JOBS,
      disk: { latency: { syncMs } },
      time: { offsetMs: around(clockSkewMs), rate: 1 + around(clockDrift) },
      jobs: { sliceMs: latencyMs },
    })
    this.sim.disk.faults.rates.slowSync = slowSync
  }

  /** The node of the running process, or null while there is none or it opens. */
  get node(): Node | null {
    return this.sim.running ? this.#node : null
  }

  /** The running process's own time, ms. */
  nowMs(): number {
    return must(this.#seams, `process on ${this.name}`).clock.monotonicMs()
  }

  /** Opened, formed and running. */
  get isUp(): boolean {
    return this.node?.host != null
  }

  get isPaused(): boolean {
    return this.sim.running && this.sim.process.paused
  }

  start(): void {
    if (this.sim.running || this.removed) return
    this.#node = null
    this.leaving = false
    this.closedCleanly = false
    this.newestProgram = Math.max(this.newestProgram, this.program)
    const seams = this.sim.start()
    this.#seams = seams
    const { process } = seams
    const end = (error: Error | null): never => this.#end(error)
    openNode(
      {
        settings: this.#settings(),
        seams,
        logger: this.#logger(),
        version: '0',
        pid: process.id,
        machineBootId: `boot-${this.#boots}`,
        isAlive: (pid) => this.sim.running && this.sim.process.id === pid,
        onFatal: end,
        onDead: () => end(null),
        onShutdown: () => {},
      },
      (error, node) => {
        if (error !== null) return this.#end(error)
        this.#node = node
        this.#options.onNode?.(node)
      },
    )
  }

  kill(): void {
    this.sim.kill()
  }

  crash(): void {
    this.#boots++
    this.sim.crash()
  }

  /** R17, as server/main.ts does it: hand leadership over, then close; `done` when the process would exit. */
  shutDown(done: () => void): void {
    const { node } = this
    if (node === null || this.leaving) return
    this.leaving = true
    const { process } = this.sim
    process.schedule(0, 'shut down', () => {
      node.leave(1_000, () =>
        node.close(() => {
          this.closedCleanly = true
          this.kill()
          done()
          throw new ProcessEnded(this.name)
        }),
      )
    })
  }

  /** Asks the node to administer the cluster, in a turn of its own. */
  ask(request: AdminRequest, done: (error: string | null) => void): void {
    const { node } = this
    if (node === null) return
    this.sim.process.schedule(0, 'admin', () =>
      node.admin(request, (error) => {
        this.#options.note(`${this.name} answers ${JSON.stringify(request)}: ${error ?? 'done'}`)
        done(error)
      }),
    )
  }

  wipe(): void {
    this.crash()
    this.sim.disk.wipe()
    this.wiped = true
  }

  /** Ends the process from within its own code, as process.exit() would. */
  #end(error: Error | null): never {
    const { note, onEnd } = this.#options
    note(`${this.name} ended itself: ${error?.message ?? 'its disk hangs'}`)
    this.#judgeEnd(error)
    this.kill()
    onEnd()
    throw new ProcessEnded(this.name)
  }

  #judgeEnd(error: Error | null): void {
    const isRemoval = error !== null && /not (a )?member|no member|not in/i.test(error.message)
    if (isRemoval && this.removing) return
    const code = errorCode(error)
    // An older program than the one that wrote the folder says so; the operator follows its advice.
    if (code === 'UNSUPPORTED' && this.program < this.newestProgram) {
      this.program = this.newestProgram
      return
    }
    const isDiskFault = error === null || code === 'EIO' || code === 'ENOSPC'
    if (isDiskFault && this.diskFaults) return
    throw new Violation(`${this.name} ended itself without a reason: ${error?.stack ?? 'onDead'}`)
  }

  #settings(): NodeSettings {
    const { params, cluster } = this.#options
    return {
      name: this.name,
      folder: DATA_FOLDER,
      peerListen: { host: '', port: PEER_PORT },
      peerAddress: addressOf(this.name),
      cluster: cluster.map((name) => ({ name, address: addressOf(name) })),
      redisAddress: `${this.name}:6379`,
      httpAddress: `${this.name}:8080`,
      clusterSecret: '',
      segmentBytes: params.segmentBytes,
      entryCacheBytes: params.cacheBytes,
      memtableBytes: params.memtableBytes,
      memtableLogBytes: params.memtableLogBytes,
      blockCacheBytes: params.cacheBytes,
      trailingLogBytes: params.trailingLogBytes,
      watchHistoryBytes: params.watchHistoryBytes,
      lowSpaceBytes: LOW_SPACE_BYTES,
      timing: this.#options.timing ?? DEFAULT_TIMING,
      engineLevel: this.program,
    }
  }

  #logger(): Logger {
    const line = (message: string, fields?: object): void =>
      this.#options.note(`${this.name}: ${message} ${fields === undefined ? '' : JSON.stringify(fields)}`)
    return { debug() {}, info: line, warn: line, error: line }
  }
}

export function addressOf(name: string): string {
  return `${name}:${PEER_PORT}`
}
