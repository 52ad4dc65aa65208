/**
 * Opens what a node keeps on disk, in the order that crash recovery needs (R10): the folder's lock and identity, the
 * log, then the store, which redoes an install that the log has a record of.
 *
 *   <data>/IDENTITY, formation   who this node is and which cluster it formed
 *   <data>/log/                  the write-ahead log
 *   <data>/store/                tables and manifest
 */
import { ENGINE_LEVEL } from '../engine/level.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Random } from '../lib/random.ts'
import { type Member, peerIdOf } from '../protocol/members.ts'
import { type DataFolder, openDataFolder } from '../storage/data-folder.ts'
import type { Callback, Disk } from '../storage/disk.ts'
import type { Jobs } from '../storage/jobs.ts'
import { openLog } from '../storage/log/log.ts'
import type { Log } from '../storage/log/types.ts'
import { openStore } from '../storage/store/store.ts'
import type { Store } from '../storage/store/types.ts'

export interface NodeStorageOptions {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly jobs: Jobs
  readonly logJobs?: Jobs
  readonly logger: Logger
  readonly folder: string
  readonly node: string
  /** Of the machine's operating system, not of this process. */
  readonly bootId: string
  readonly pid: number
  readonly isAlive: (pid: number) => boolean
  readonly onFatal: (error: Error) => void
  readonly segmentBytes: number
  readonly entryCacheBytes: number
  readonly memtableBytes: number
  readonly memtableLogBytes: number
  readonly blockCacheBytes: number
  readonly engineLevel?: number
}

export interface NodeStorage {
  readonly dataFolder: DataFolder
  readonly log: Log
  readonly store: Store
  close(done: () => void): void
}

const GROUP = 0

export function openNodeStorage(options: NodeStorageOptions, done: Callback<NodeStorage>): void {
  const fail = (error: Error): void => done(error, undefined as never)
  openDataFolder({ ...options, wallMs: options.clock.wallMs() }, (error, dataFolder) => {
    if (error !== null) return fail(error)
    openBoth(options, dataFolder, (failure, storage) => {
      if (failure !== null) return dataFolder.release(() => fail(failure))
      done(null, storage)
    })
  })
}

function openBoth(options: NodeStorageOptions, dataFolder: DataFolder, done: Callback<NodeStorage>): void {
  const { folder, disk, jobs, clock, random, onFatal, segmentBytes, entryCacheBytes } = options
  const logOptions = {
    folder: `${folder}/log`,
    disk,
    jobs,
    clock,
    random,
    onFatal,
    segmentBytes,
    entryCacheBytes,
    engineLevelMax: options.engineLevel ?? ENGINE_LEVEL,
  }
  openLog(logOptions, (error, log) => {
    if (error !== null) return done(error, undefined as never)
    const { install } = log.recovered(GROUP)
    openStore(
      {
        folder: `${folder}/store`,
        disk,
        jobs,
        clock,
        filePrefix: filePrefix(dataFolder),
        pendingInstall: install?.manifest ?? null,
        onFatal,
        log: (level, message, fields) => options.logger[level](message, fields),
        memtableBytes: options.memtableBytes,
        memtableLogBytes: options.memtableLogBytes,
        blockCacheBytes: options.blockCacheBytes,
      },
      (failure, store) => {
        if (failure !== null) return log.close(() => done(failure, undefined as never))
        if (install !== null) log.group(GROUP).installed(install.index)
        const close = (closed: () => void): void =>
          store.close(() => log.close(() => dataFolder.release(closed)))
        done(null, { dataFolder, log, store, close })
      },
    )
  })
}

/** Table files are named uniquely across nodes: by name and incarnation. */
function filePrefix({ identity }: DataFolder): string {
  return `${identity.node}-${identity.incarnation.slice(0, 12)}`
}

/** This node as a member, by its identity on disk. */
export function selfMember({ identity }: DataFolder, peerAddress: string): Member {
  const { node: name, incarnation } = identity
  return { peerId: peerIdOf(name, incarnation), name, incarnation, peerAddress }
}
