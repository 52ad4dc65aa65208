/**
 * A machine of the simulated world: its disk, its clock and its place in the network outlive the processes it
 * runs. start() gives the five seams of a new process; every end a process can have is a method.
 */
import { assert, must } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Random } from '../../lib/random.ts'
import type { Disk } from '../../storage/disk.ts'
import type { JobCatalog, Jobs } from '../../storage/jobs.ts'
import type { Network } from '../../transport/network.ts'
import { SimClock, SimTime, type SimTimeOptions } from './clock.ts'
import { SimDisk, type SimDiskOptions } from './disk.ts'
import type { Keep } from './file.ts'
import { SimJobs, type SimJobsOptions } from './jobs.ts'
import type { SimNetwork } from './network.ts'
import type { SimProcess } from './process.ts'
import type { SimWorld } from './world.ts'

export interface SimNodeOptions {
  readonly catalog?: JobCatalog
  readonly disk?: SimDiskOptions
  readonly time?: SimTimeOptions
  readonly jobs?: SimJobsOptions
}

/** What a program gets to know of the world. */
export interface SimSeams {
  readonly process: SimProcess
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly jobs: Jobs
  readonly network: Network
}

export class SimNode {
  readonly world: SimWorld
  /** Also its host name in the network. */
  readonly name: string
  readonly disk: SimDisk
  readonly time: SimTime
  readonly #network: SimNetwork
  readonly #options: SimNodeOptions
  readonly #random: Random
  #process: SimProcess | null = null

  constructor(network: SimNetwork, name: string, options: SimNodeOptions = {}) {
    this.world = network.world
    this.name = name
    this.#network = network
    this.#options = options
    this.#random = this.world.random.fork(`node ${name}`)
    this.disk = new SimDisk(this.world, name, options.disk)
    this.time = new SimTime(this.world, options.time)
  }

  /** True while a process runs here (or is paused). */
  get running(): boolean {
    return this.#process?.alive === true
  }

  /** The running process. */
  get process(): SimProcess {
    return must(this.#process, `process on ${this.name}`)
  }

  start(): SimSeams {
    assert(!this.running, () => `Node ${this.name} runs already`)
    const process = this.world.spawn(this.name)
    this.#process = process
    this.world.note('started', process)
    return {
      process,
      clock: new SimClock(process, this.time),
      random: this.#random.fork('process'),
      disk: this.disk.mount(process),
      jobs: new SimJobs(process, this.disk, this.#options.catalog ?? {}, this.#options.jobs),
      network: this.#network.mount(process, this.name),
    }
  }

  /** kill -9: what was written stays written, connections are closed by the kernel. */
  kill(): void {
    this.#process?.kill()
  }

  /** Loss of power: unsynced data is lost as `keep` says (default: drawn), connections vanish silently. */
  crash(keep?: Keep): void {
    this.#network.powerOff(this.name)
    this.#process?.kill()
    this.disk.crash(keep)
  }

  /** SIGSTOP, or a long garbage collection. */
  pause(): void {
    this.process.pause()
  }

  resume(): void {
    this.#process?.resume()
  }

  pauseFor(durationMs: number): void {
    const process = this.process
    process.pause()
    this.world.schedule(durationMs, `resume ${this.name}`, () => process.resume())
  }
}
