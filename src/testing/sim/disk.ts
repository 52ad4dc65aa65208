/**
 * A simulated disk: the medium, which outlives processes. It knows what is synced and what is not, loses the
 * latter in crash(), and misbehaves as told (sim-disk-faults.ts). mount() gives a process its Disk, jobDisk()
 * its jobs theirs. Two ends of a process differ: kill -9 keeps what was written (the operating system has
 * it), crash() is the loss of power.
 */
import { codedError } from '../../lib/coded-error.ts'
import type { Random } from '../../lib/random.ts'
import type { Disk, JobDisk, SpaceReport } from '../../storage/disk.ts'
import { DISK_LATENCY, DiskFaults, type DiskLatency, type ScriptedFault } from './disk-faults.ts'
import type { Keep, SimFile } from './file.ts'
import { SimFolders } from './folders.ts'
import { SimJobDisk } from './job-disk.ts'
import { SimMount } from './mount.ts'
import type { SimProcess } from './process.ts'
import type { SimWorld } from './world.ts'

export interface SimDiskOptions {
  readonly latency?: Partial<DiskLatency>
  readonly capacityBytes?: number
}

export interface DiskCounts {
  reads: number
  writes: number
  syncs: number
  bytesRead: number
  bytesWritten: number
}

/** An open file; a removed one keeps its space until its last handle is closed or its process is gone. */
export interface OpenHandle {
  readonly file: SimFile
  readonly process: SimProcess | null
}

const CRASH_MODES: readonly Keep[] = ['none', 'all', 'prefix', 'subset']

export class SimDisk {
  readonly world: SimWorld
  readonly name: string
  readonly faults: DiskFaults
  readonly random: Random
  readonly counts: DiskCounts = { reads: 0, writes: 0, syncs: 0, bytesRead: 0, bytesWritten: 0 }
  /**
   * Everything the medium holds; for the faces (sim-mount.ts, sim-job-disk.ts) and for tests that look
   * inside.
   */
  readonly folders = new SimFolders()
  readonly #handles = new Set<OpenHandle>()
  readonly #mounted = new Set<SimProcess>()
  #capacityBytes: number
  #stalled: (() => void)[] | null = null

  constructor(world: SimWorld, name: string, options: SimDiskOptions = {}) {
    this.world = world
    this.name = name
    this.random = world.random.fork(`disk ${name}`)
    this.faults = new DiskFaults(this.random.fork('faults'), { ...DISK_LATENCY, ...options.latency })
    this.#capacityBytes = options.capacityBytes ?? 2 ** 40
  }

  /** The disk as `process` sees it, until it is killed. */
  mount(process: SimProcess): Disk {
    this.#mounted.add(process)
    process.onExit(() => {
      this.#mounted.delete(process)
      for (const handle of this.#handles) if (handle.process === process) this.#handles.delete(handle)
    })
    return new SimMount(this, process)
  }

  /**
   * For jobs: synchronous, no latency of its own (the Jobs host gives each slice its time); stalls do not
   * reach it.
   */
  jobDisk(process: SimProcess | null = null): JobDisk {
    return new SimJobDisk(this, process)
  }

  /**
   * Loss of power: kills every process that uses the disk, then loses what was not synced. Without `keep` the
   * mode is drawn, for names and for each file.
   */
  crash(keep?: Keep): void {
    for (const process of this.#mounted) process.kill()
    this.world.note(`disk ${this.name} crashed`)
    this.folders.crash(this.random, keep ?? this.#drawMode())
    for (const file of this.folders.files()) file.crash(this.random, keep ?? this.#drawMode())
    this.#handles.clear()
    this.#stalled = null
  }

  /** A new, empty disk in place of this one. The processes that used it must be dead. */
  wipe(): void {
    this.crash('none')
    this.folders.clear()
  }

  failNext(fault: ScriptedFault): void {
    this.faults.failNext(fault)
  }

  /** From now on no sync completes (writeSync included) until releaseSyncs(). */
  stallSyncs(): void {
    this.#stalled ??= []
  }

  releaseSyncs(): void {
    const stalled = this.#stalled ?? []
    this.#stalled = null
    for (const resume of stalled) resume()
  }

  /** Runs `resume` when syncs complete again; false when they do now. */
  stall(resume: () => void): boolean {
    this.#stalled?.push(resume)
    return this.#stalled !== null
  }

  /** Fuller than this, growth fails with ENOSPC. */
  setCapacity(bytes: number): void {
    this.#capacityBytes = bytes
  }

  usedBytes(): number {
    const files = this.folders.files()
    for (const { file } of this.#handles) files.add(file)
    let used = 0
    for (const file of files) used += file.size
    return used
  }

  space(): SpaceReport {
    return {
      freeBytes: Math.max(0, this.#capacityBytes - this.usedBytes()),
      totalBytes: this.#capacityBytes,
    }
  }

  /** How many of `bytes` more fit. */
  room(bytes: number): number {
    return bytes <= 0 ? 0 : Math.min(bytes, this.space().freeBytes)
  }

  /** What a reader would see, or null when there is no such file: for tests. */
  peek(path: string): Buffer | null {
    const file = this.folders.find(path)
    return file === null ? null : file.read(0, file.size)
  }

  /** Overwrites stored bytes, durably: damage, or a misdirected write of something else. */
  damage(path: string, offset: number, bytes: Buffer): void {
    const file = this.#existing(path)
    file.write(offset, bytes)
    file.sync()
  }

  flipBit(path: string, offset: number, bit = 0): void {
    this.#existing(path).flipBit(offset, bit)
  }

  /** For the faces. */
  opened(file: SimFile, process: SimProcess | null): OpenHandle {
    const handle = { file, process }
    this.#handles.add(handle)
    return handle
  }

  closed(handle: OpenHandle): void {
    this.#handles.delete(handle)
  }

  /** Writes as much as fits; throws ENOSPC when that is not all. */
  writeInto(file: SimFile, offset: number, bytes: Buffer, path: string): void {
    const growth = bytes.length === 0 ? 0 : Math.max(0, offset + bytes.length - file.size)
    const missing = growth - this.room(growth)
    this.counts.writes++
    this.counts.bytesWritten += bytes.length
    file.write(offset, missing === 0 ? bytes : bytes.subarray(0, Math.max(0, bytes.length - missing)))
    if (missing > 0) throw codedError('ENOSPC', `no space left on device, write '${path}'`)
  }

  #existing(path: string): SimFile {
    const file = this.folders.find(path)
    if (file === null) throw codedError('ENOENT', `no such file on disk ${this.name}: '${path}'`)
    return file
  }

  #drawMode(): Keep {
    return CRASH_MODES[this.random.below(CRASH_MODES.length)] as Keep
  }
}
