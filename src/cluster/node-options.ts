/** What a node is made of and told: the seams, the settings, and what it reports upwards. */
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Random } from '../lib/random.ts'
import type { Disk } from '../storage/disk.ts'
import type { Jobs } from '../storage/jobs.ts'
import type { Address, Network } from '../transport/network.ts'
import type { Timing } from './timing.ts'

export interface NodeSeams {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly network: Network
  readonly jobs: Jobs
  /** For the log's own jobs, which must never wait behind a compaction; default: `jobs`. */
  readonly logJobs?: Jobs
}

/** What a node is told (server/config-settings.ts has the meaning and the defaults). */
export interface NodeSettings {
  /** '': the name that the folder has; a new folder gets one. */
  readonly name: string
  readonly folder: string
  /** Null: no port of its own; other nodes come through the HTTP port (Node.acceptPeer). */
  readonly peerListen: Address | null
  /** Where other nodes reach the peer door, 'host:port'. */
  readonly peerAddress: string
  /**
   * The --cluster list, this node included; empty = a cluster of one. Names may be '' (all of them): then only the
   * addresses are known, this node's may be missing, and the names are learned.
   */
  readonly cluster: readonly { readonly name: string; readonly address: string }[]
  readonly redisAddress: string
  readonly httpAddress: string
  readonly clusterSecret: string
  /** TransportOptions.clusterSecrets. */
  readonly clusterSecrets?: () => readonly string[]
  readonly segmentBytes: number
  readonly entryCacheBytes: number
  readonly memtableBytes: number
  readonly memtableLogBytes: number
  readonly blockCacheBytes: number
  readonly trailingLogBytes: number
  /** Recent changes kept for watches. */
  readonly watchHistoryBytes: number
  /** 0 = twice what two segments, a flush and a compaction need. */
  readonly lowSpaceBytes: number
  readonly timing: Timing
  /** What its program executes (R7). Default: all of engine/level.ts; less stands for an older program. */
  readonly engineLevel?: number
}

export interface NodeOptions {
  readonly settings: NodeSettings
  readonly seams: NodeSeams
  readonly logger: Logger
  readonly version: string
  readonly pid: number
  /** The machine's boot id: process ids begin anew with another one. */
  readonly machineBootId: string
  readonly isAlive: (pid: number) => boolean
  /** A log write failed or data is damaged: the process must end (R6). */
  readonly onFatal: (error: Error) => void
  /** R4: the disk hangs for good: the process must kill itself, for an exit would wait for it. */
  readonly onDead: () => void
  /** SHUTDOWN came through a door: run R17. */
  readonly onShutdown: (now: boolean) => void
}
