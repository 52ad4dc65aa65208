/**
 * One simulated node: hosts a core the way the replica does. Takes its Ready objects, sends, persists in order, applies
 * in slices, installs snapshots, compacts; crashes and starts again from what is durable.
 */
import { assert, must } from '../../lib/assert.ts'
import type { Random } from '../../lib/random.ts'
import { EntryKind, encodeEntry, entryPayload } from '../../protocol/entry.ts'
import { decodeConfChange } from '../../raft/conf-change.ts'
import { RaftCore } from '../../raft/core.ts'
import { EMPTY_CONF } from '../../raft/membership.ts'
import type { Message } from '../../raft/messages.ts'
import type { ConfChange, ConfState, Ready, SnapshotMeta } from '../../raft/types.ts'
import type { Checker } from './checker.ts'
import { type Manifest, SimDisk, type Write } from './disk.ts'
import type { SimParams } from './params.ts'
import { simReader } from './reader.ts'
import type { Scheduler } from './scheduler.ts'

export const SIM_GROUP = 1
export const TICK_MS = 10

/** What a node needs of the world around it. */
export interface World {
  readonly scheduler: Scheduler
  readonly checker: Checker
  readonly params: SimParams
  send(from: SimNode, message: Message): void
  /** Remembers a state that is on offer as a snapshot. */
  offerSnapshot(manifest: Manifest): void
  /** The state behind an offer, or null when `from` cannot be reached. */
  fetchSnapshot(from: number, to: SimNode, meta: SnapshotMeta): Manifest | null
}

export class SimNode {
  readonly id: number
  readonly disk = new SimDisk()
  readonly #world: World
  readonly #random: Random
  /** Null while it is down. */
  core: RaftCore | null = null
  /** Grows with every crash: callbacks of an earlier life do nothing. */
  generation = 0
  pausedUntil = 0
  /** Until then this node's disk completes nothing. */
  stalledUntil = 0
  /** After the faults end every disk is fast. */
  healthyDisk = false
  /** It was a member once: its identity is used up. */
  joined = false
  #applied = { index: 0, chain: 0, conf: EMPTY_CONF as ConfState }
  #applyTo = 0
  #applying = false
  #turnDue = false
  #commitDue = false
  #diskBusy = false

  constructor(id: number, world: World, random: Random) {
    this.id = id
    this.#world = world
    this.#random = random
  }

  get params(): SimParams {
    return this.#world.params
  }

  get running(): RaftCore {
    return must(this.core, 'running core')
  }

  get isUp(): boolean {
    return this.core !== null && this.pausedUntil <= this.#world.scheduler.now
  }

  start(): void {
    const { params, checker } = this.#world
    const { manifest, hardState } = this.disk
    this.#applied = { index: manifest.index, chain: manifest.chain, conf: manifest.conf }
    this.#applyTo = manifest.index
    this.#applying = false
    this.#turnDue = false
    this.#commitDue = false
    this.#diskBusy = false
    this.pausedUntil = 0
    this.stalledUntil = 0
    this.core = new RaftCore({
      group: SIM_GROUP,
      peerId: this.id,
      log: simReader(this, this.#world, this.#random),
      random: this.#random,
      hardState,
      confState: manifest.conf,
      appliedIndex: manifest.index,
      electionTicks: params.electionTicks,
      heartbeatTicks: params.heartbeatTicks,
      limits: params.limits,
    })
    checker.started(this)
    this.#tickLater()
    this.#turn()
  }

  crash(): void {
    this.generation++
    this.core = null
    this.disk.crash(this.#random)
  }

  /** Runs `action` later unless the node crashed meanwhile; a paused node runs it when it wakes up. */
  later(delayMs: number, action: () => void): void {
    const { generation } = this
    const { scheduler } = this.#world
    const run = (): void => {
      if (generation !== this.generation) return
      const asleep = this.pausedUntil - scheduler.now
      if (asleep > 0) scheduler.after(asleep, run)
      else action()
    }
    scheduler.after(delayMs, run)
  }

  /** Calls into the core; everything that follows from it happens in this turn. */
  call<T>(action: (core: RaftCore) => T): T {
    const result = action(this.running)
    this.#world.checker.observe(this)
    this.#turn()
    return result
  }

  receive(message: Message): void {
    this.call((core) => core.step(message))
  }

  propose(payload: Buffer): void {
    this.call((core) => {
      const entry = encodeEntry(SIM_GROUP, core.term, core.lastIndex + 1, EntryKind.commands, [payload])
      return core.propose(entry)
    })
  }

  proposeConfChange(change: ConfChange): void {
    this.call((core) => core.proposeConfChange(change))
  }

  read(): void {
    this.call((core) => {
      const position = core.readIndex()
      if (position !== null) this.#world.checker.readAsked(this, position)
    })
  }

  /** Makes the applied state durable and drops the log behind it. */
  compact(): void {
    const { index, chain, conf } = this.#applied
    const term = this.disk.durable.term(index)
    if (term === null || index < this.disk.manifest.index) return
    this.disk.manifest = { index, term, chain, conf }
    this.disk.compact(index - this.params.trailing)
  }

  #tickLater(): void {
    this.later(TICK_MS, () => {
      this.call((core) => core.tick())
      this.#tickLater()
    })
  }

  #turn(): void {
    if (this.#turnDue) return
    this.#turnDue = true
    const { turnMs } = this.params
    if (turnMs === 0) this.#runTurn()
    else this.later(this.#random.float() * turnMs, () => this.#runTurn())
  }

  #runTurn(): void {
    for (let rounds = 0; this.running.hasReady(); rounds++) {
      assert(rounds < 100, 'A core has something to say forever')
      this.#handle(this.running.takeReady())
    }
    this.#turnDue = false
    if (this.running.commitBroadcastDue) this.#broadcastLater()
  }

  #broadcastLater(): void {
    if (this.#commitDue) return
    this.#commitDue = true
    this.later(1, () => {
      this.#commitDue = false
      this.call((core) => core.broadcastCommit())
    })
  }

  #handle(ready: Ready<Message>): void {
    const { number, entries, hardState, mustSync } = ready
    // A commit index alone may be written at leisure, or be lost.
    if (mustSync || (hardState !== null && this.#random.float() < 0.5)) {
      this.#write({ number, entries, hardState, install: null })
    } else if (!this.#diskBusy && this.#random.float() < 0.3) this.running.persisted(number)
    this.#world.checker.observe(this)
    this.#world.checker.ready(this, ready)
    for (const message of ready.messages) this.#world.send(this, message)
    for (const { position, index } of ready.reads) this.#world.checker.readAnswered(this, position, index)
    this.#applyTo = ready.applyTo
    this.#applyLater()
    if (ready.installSnapshot !== null) this.#fetch(ready.installSnapshot)
  }

  #write(write: Write): void {
    this.disk.append(write)
    if (this.#diskBusy) return
    this.#diskBusy = true
    this.#writeLater()
  }

  #writeLater(): void {
    const { diskMinMs, slowNode, slowDiskMs } = this.params
    const diskMaxMs = this.id === slowNode ? slowDiskMs : this.params.diskMaxMs
    const count = this.disk.queued
    const spread = this.healthyDisk ? 0 : diskMaxMs - diskMinMs
    this.later(diskMinMs + this.#random.float() * spread, () => this.#synced(count))
  }

  #synced(count: number): void {
    const stall = this.stalledUntil - this.#world.scheduler.now
    if (stall > 0) {
      this.later(stall, () => this.#synced(count))
      return
    }
    for (const { number, install } of this.disk.complete(count)) {
      if (install !== null) this.#installed(install.meta)
      else this.call((core) => core.persisted(number))
    }
    this.#diskBusy = !this.disk.isIdle
    if (this.#diskBusy) this.#writeLater()
  }

  #applyLater(): void {
    if (this.#applying || this.#applied.index >= this.#applyTo) return
    this.#applying = true
    this.later(this.#random.float() * this.params.applyMs, () => {
      this.#applying = false
      this.#apply(1 + this.#random.below(8))
      this.#applyLater()
    })
  }

  /** Applies up to `count` entries; stops behind a configuration entry, which takes effect here. */
  #apply(count: number): void {
    const last = Math.min(this.#applyTo, this.#applied.index + count)
    let change: ConfChange | null = null
    while (this.#applied.index < last && change === null) {
      const index = this.#applied.index + 1
      const entry = must(this.disk.durable.entry(index), 'entry to apply')
      const chain = must(this.disk.durable.chain(index), 'chain to apply')
      this.#world.checker.applied(this, index, chain)
      this.#applied.index = index
      this.#applied.chain = chain
      if (entry.kind === EntryKind.config) change = decodeConfChange(entryPayload(entry))
    }
    const { index } = this.#applied
    this.call((core) => {
      if (change !== null) {
        this.#applied.conf = core.applyConfChange(change)
        this.#world.checker.reconfigured(this, index, this.#applied.conf)
      }
      core.appliedTo(index)
    })
  }

  #fetch(offer: { readonly meta: SnapshotMeta; readonly from: number }): void {
    this.later(1 + this.#random.float() * 20, () => {
      const manifest = this.#world.fetchSnapshot(offer.from, this, offer.meta)
      if (manifest === null) {
        this.call((core) => core.snapshotAbandoned())
        return
      }
      const { hardState } = this.running
      const install = { meta: offer.meta, chain: manifest.chain }
      this.#write({
        number: 0,
        entries: [],
        hardState: { ...hardState, commitIndex: offer.meta.index },
        install,
      })
    })
  }

  #installed(meta: SnapshotMeta): void {
    const { index, chain, conf } = this.disk.manifest
    this.#applied = { index, chain, conf }
    this.#applyTo = index
    this.call((core) => {
      core.snapshotInstalled(meta)
      this.#world.checker.installed(this)
    })
  }
}
