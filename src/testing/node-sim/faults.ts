/**
 * What happens to a simulated cluster beside its clients. Every kind of fault has its own rate and generator; whatever
 * ends a process is followed by a restart, and end() heals everything.
 */
import { FIRST_LEVEL } from '../../engine/level.ts'
import type { Random } from '../../lib/random.ts'
import type { SimNetwork } from '../sim/network.ts'
import { DATA_FOLDER, LOW_SPACE_BYTES, type Machine } from './machine.ts'
import type { MembershipChanges } from './membership.ts'
import type { NodeSimParams } from './params.ts'

export interface FaultyCluster {
  readonly network: SimNetwork
  readonly params: NodeSimParams
  /** Every machine that is or will be a member; grows. */
  readonly machines: readonly Machine[]
  readonly membership: MembershipChanges
}

const UNLIMITED_BYTES = 2 ** 40

export class Faults {
  readonly counts: Record<string, number> = {}
  readonly #cluster: FaultyCluster
  readonly #random: Random
  #ended = false

  constructor(cluster: FaultyCluster, random: Random) {
    this.#cluster = cluster
    this.#random = random
  }

  begin(): void {
    const { params, membership } = this.#cluster
    this.#beginProcessFaults(params)
    this.#beginDiskFaults(params)
    this.#every('partition', params.partitionMs, (random) => this.#partition(random))
    this.#every('membership', params.membershipMs, (random) => membership.change(random))
    this.#revive()
  }

  #beginProcessFaults(params: NodeSimParams): void {
    this.#strike('crash', params.crashMs, (machine) => machine.crash())
    this.#strike('kill', params.killMs, (machine) => machine.kill())
    this.#strike('pause', params.pauseMs, (machine, random) => this.#pause(machine, random))
    this.#strike('reset', params.resetMs, (machine, random) => this.#reset(machine, random))
    this.#strike('clockJump', params.clockJumpMs, (machine, random) => this.#jump(machine, random))
    this.#strike('shutdown', params.shutdownMs, (machine) => machine.shutDown(() => {}))
    this.#strike('otherProgram', params.otherProgramMs, (machine) => this.#changeProgram(machine))
    this.#strike('transfer', params.transferMs, (machine, random) => this.#transfer(machine, random))
  }

  #beginDiskFaults(params: NodeSimParams): void {
    this.#strike('stall', params.stallMs, (machine, random) => this.#stall(machine, random))
    this.#strike('syncError', params.syncErrorMs, (machine) => this.#failDisk(machine, 'sync', '/log/'))
    this.#strike('jobError', params.jobErrorMs, (machine, random) => this.#failJob(machine, random))
    this.#strike('fullDisk', params.fullDiskMs, (machine, random) => this.#fill(machine, random))
  }

  #strike(kind: string, meanMs: number, action: (machine: Machine, random: Random) => void): void {
    this.#every(kind, meanMs, (random) => this.#hit(random, action))
  }

  /** Heals everything: all machines run, awake, on disks and a network that work. */
  end(): void {
    this.#ended = true
    const { network, machines, params } = this.#cluster
    network.resetRate = 0
    network.heal()
    for (const { sim } of machines) {
      sim.disk.faults.clear()
      sim.disk.setCapacity(UNLIMITED_BYTES)
      sim.disk.releaseSyncs()
      if (sim.running) sim.resume()
    }
    // Everybody upgrades in the end.
    for (const machine of machines) if (machine.program < params.engineLevel) this.#changeProgram(machine)
  }

  #every(kind: string, meanMs: number, action: (random: Random) => boolean): void {
    if (meanMs === 0) return
    const random = this.#random.fork(kind)
    const { world } = this.#cluster.network
    const again = (): void => {
      world.schedule(meanMs * (0.2 + 1.6 * random.float()), `fault ${kind}`, () => {
        if (this.#ended) return
        if (action(random)) this.counts[kind] = (this.counts[kind] ?? 0) + 1
        again()
      })
    }
    again()
  }

  #later(delayMs: number, what: string, action: () => void): void {
    this.#cluster.network.world.schedule(delayMs, what, () => {
      if (!this.#ended) action()
    })
  }

  /** Strikes a running machine, the leader more often than others: that is where things break. */
  #hit(random: Random, action: (machine: Machine, random: Random) => void): boolean {
    const running = this.#cluster.machines.filter((machine) => machine.sim.running)
    const leader = running.find((machine) => machine.node?.host?.replica.core.role === 'leader')
    const any = running[random.below(Math.max(1, running.length))]
    const machine = random.float() < 0.4 ? (leader ?? any) : any
    if (machine === undefined) return false
    action(machine, random)
    return true
  }

  /** Starts what is down, some at once, some after a while. */
  #revive(): void {
    const random = this.#random.fork('revive')
    const look = (): void => {
      for (const machine of this.#cluster.machines) {
        if (!machine.sim.running && random.float() < 0.1) machine.start()
      }
      this.#later(40, 'revive', look)
    }
    look()
  }

  #pause(machine: Machine, random: Random): void {
    if (machine.isPaused) return
    machine.sim.pauseFor(random.float() < 0.5 ? random.below(100) : random.below(2_000))
  }

  #partition(random: Random): boolean {
    const { network, machines } = this.#cluster
    if (machines.length < 2) return false
    const names = machines.map((machine) => machine.name)
    const leader = machines.find((machine) => machine.node?.host?.replica.core.role === 'leader')?.name
    const victim =
      random.float() < 0.5 && leader !== undefined ? leader : (names[random.below(names.length)] ?? '')
    const others = names.filter((name) => name !== victim)
    const kind = random.below(4)
    if (kind === 0) for (const other of others) network.block(victim, other)
    else if (kind === 1) for (const other of others) network.block(other, victim)
    else if (kind === 2) network.partition([victim], others)
    else {
      const half = names.filter(() => random.below(2) === 0)
      network.partition(
        half,
        names.filter((name) => !half.includes(name)),
      )
    }
    this.#later(random.below(1_500), 'heal', () => network.heal())
    return true
  }

  #reset(machine: Machine, random: Random): void {
    const { network, machines } = this.#cluster
    const other = machines[random.below(machines.length)] as Machine
    if (other !== machine) network.resetConnections(machine.name, other.name)
  }

  /** R4: syncs hang, for a moment or longer than a leader may. */
  #stall(machine: Machine, random: Random): void {
    machine.diskFaults = true
    machine.sim.disk.stallSyncs()
    this.#later(100 + random.below(2_500), 'release syncs', () => machine.sim.disk.releaseSyncs())
  }

  #failDisk(machine: Machine, operation: 'sync' | 'write', path: string): void {
    machine.diskFaults = true
    machine.sim.disk.failNext({ operation, path })
  }

  /** A flush or a compaction fails: it is done again, and nothing is lost. */
  #failJob(machine: Machine, random: Random): void {
    const operation = random.below(2) === 0 ? 'write' : 'sync'
    this.#failDisk(machine, operation, `${DATA_FOLDER}/store/`)
  }

  /** R6: little space is left, or none, for a while. */
  #fill(machine: Machine, random: Random): void {
    machine.diskFaults = true
    const { disk } = machine.sim
    const left = random.float() < 0.5 ? random.below(4096) : random.below(LOW_SPACE_BYTES)
    disk.setCapacity(disk.usedBytes() + left)
    this.#later(200 + random.below(2_000), 'space returns', () => disk.setCapacity(UNLIMITED_BYTES))
  }

  #jump(machine: Machine, random: Random): void {
    machine.sim.time.jump((random.float() * 2 - 1) * 5_000)
  }

  /** R7: the process is ended; the next one is of the newest program, or of the first level again. */
  #changeProgram(machine: Machine): void {
    const { engineLevel } = this.#cluster.params
    machine.program = machine.program < engineLevel ? engineLevel : FIRST_LEVEL
    machine.kill()
  }

  #transfer(machine: Machine, random: Random): void {
    const { machines } = this.#cluster
    const to = random.below(2) === 0 ? null : (machines[random.below(machines.length)] as Machine).name
    machine.ask({ kind: 'transferLeader', to }, () => {})
  }
}
