/**
 * A cluster of cores that does exactly what a test says, step by step: nothing is delivered, persisted or applied by
 * itself unless stabilize() is called. For scenarios that are easier told than found.
 */
import { must } from '../../lib/assert.ts'
import { SeededRandom } from '../../lib/random.ts'
import { EntryKind, encodeEntry, entryPayload } from '../../protocol/entry.ts'
import { decodeConfChange } from '../../raft/conf-change.ts'
import { RaftCore } from '../../raft/core.ts'
import { confOfVoters } from '../../raft/membership.ts'
import type { Message } from '../../raft/messages.ts'
import type { CoreLimits } from '../../raft/state.ts'
import type { ConfState, LogReader, ReadState, Ready, SnapshotMeta } from '../../raft/types.ts'
import { SimDisk } from './disk.ts'

export interface ScriptOptions {
  readonly voters: readonly number[]
  readonly learners?: readonly number[]
  /** Nodes that run, know the founders and are no members yet. */
  readonly spares?: readonly number[]
  readonly limits?: Partial<CoreLimits>
}

const ELECTION_TICKS = 10
const HEARTBEAT_TICKS = 2

export class ScriptNode {
  readonly id: number
  readonly disk = new SimDisk()
  core: RaftCore
  applied = 0
  applyTo = 0
  readonly reads: ReadState[] = []
  readsLostTo = 0
  offer: { meta: SnapshotMeta; from: number } | null = null
  /** entries() answers 'pending' while set. */
  entriesPending = false
  /** snapshot() answers null while set. */
  noSnapshot = false
  readonly #limits: Partial<CoreLimits>

  constructor(id: number, conf: ConfState, limits: Partial<CoreLimits>) {
    this.id = id
    this.#limits = limits
    this.disk.manifest = { ...this.disk.manifest, conf }
    this.core = this.#start()
  }

  #start(): RaftCore {
    const { manifest, hardState } = this.disk
    this.applied = manifest.index
    this.applyTo = manifest.index
    return new RaftCore({
      group: 1,
      peerId: this.id,
      log: this.#reader(),
      random: new SeededRandom(this.id),
      hardState,
      confState: manifest.conf,
      appliedIndex: manifest.index,
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: HEARTBEAT_TICKS,
      limits: this.#limits,
    })
  }

  #reader(): LogReader {
    const log = this.disk.durable
    return {
      firstIndex: () => log.base.index + 1,
      lastIndex: () => log.lastIndex,
      term: (index) => log.term(index),
      entries: (low, high, maxBytes) => {
        if (low <= log.base.index) return 'compacted'
        return this.entriesPending ? 'pending' : log.slice(low, high, maxBytes)
      },
      snapshot: () => {
        const { index, term, conf } = this.disk.manifest
        return this.noSnapshot ? null : { index, term, confState: conf }
      },
    }
  }

  /** Loses everything that is not durable, then starts again. */
  restart(): void {
    this.disk.dropQueued()
    this.core = this.#start()
  }

  /** Terms and payloads of the log, e.g. '1: 2:a 2:b'. */
  get log(): string {
    const out: string[] = []
    for (let index = this.disk.visible.base.index + 1; index <= this.disk.visible.lastIndex; index++) {
      const entry = must(this.disk.visible.entry(index), 'entry')
      const payload = entry.kind === EntryKind.commands ? entryPayload(entry).toString() : ''
      out.push(`${entry.term}:${payload}`)
    }
    return out.join(' ')
  }
}

export class Script {
  readonly nodes = new Map<number, ScriptNode>()
  /** Sent and neither delivered nor dropped, oldest first. */
  wire: Message[] = []

  constructor(options: ScriptOptions) {
    const conf = { ...confOfVoters(options.voters), learners: options.learners ?? [] }
    const limits = options.limits ?? {}
    for (const id of [...options.voters, ...conf.learners])
      this.nodes.set(id, new ScriptNode(id, conf, limits))
    for (const id of options.spares ?? []) this.nodes.set(id, new ScriptNode(id, conf, limits))
  }

  node(id: number): ScriptNode {
    return must(this.nodes.get(id), `node ${id}`)
  }

  core(id: number): RaftCore {
    return this.node(id).core
  }

  tick(id: number, ticks = 1): void {
    for (let i = 0; i < ticks; i++) this.core(id).tick()
  }

  /** Makes `id` start a campaign now; it must know of no leader, or forget it. */
  campaign(id: number): void {
    this.core(id).forgetLeader()
    this.core(id).campaignSoon(1)
    this.tick(id)
  }

  /** Elects `id` and lets everything settle. */
  elect(id: number): void {
    for (const node of this.nodes.values()) node.core.forgetLeader()
    this.campaign(id)
    this.stabilize()
    must(this.core(id).role === 'leader' ? id : null, `leadership of ${id}, which is ${this.core(id).role}`)
  }

  propose(id: number, payload: string): ReturnType<RaftCore['propose']> {
    const core = this.core(id)
    const chunks = [Buffer.from(payload)]
    return core.propose(encodeEntry(1, core.term, core.lastIndex + 1, EntryKind.commands, chunks))
  }

  /** Takes every Ready of `id`: messages go to the wire, writes to the disk's queue. Returns what was taken. */
  ready(id: number): { numbers: number[]; sent: Message[] } {
    const node = this.node(id)
    const numbers: number[] = []
    const sent: Message[] = []
    while (node.core.hasReady()) {
      const ready = node.core.takeReady()
      numbers.push(ready.number)
      sent.push(...ready.messages)
      this.#take(node, ready)
    }
    this.wire.push(...sent)
    return { numbers, sent }
  }

  #take(node: ScriptNode, ready: Ready<Message>): void {
    const { number, entries, hardState } = ready
    if (ready.mustSync) node.disk.append({ number, entries, hardState, install: null })
    node.applyTo = ready.applyTo
    node.reads.push(...ready.reads)
    if (ready.readsLostTo > 0) node.readsLostTo = ready.readsLostTo
    if (ready.installSnapshot !== null) node.offer = ready.installSnapshot
  }

  /** Completes up to `count` writes of `id` and tells its core; returns how many there were. */
  persist(id: number, count = Number.POSITIVE_INFINITY): number {
    const node = this.node(id)
    const done = node.disk.complete(Math.min(count, node.disk.queued))
    for (const { number } of done) node.core.persisted(number)
    return done.length
  }

  /** Applies what `id` may apply; returns how many entries. */
  apply(id: number): number {
    const node = this.node(id)
    const from = node.applied
    while (node.applied < node.applyTo) {
      const entry = must(node.disk.durable.entry(node.applied + 1), 'entry to apply')
      node.applied = entry.index
      if (entry.kind === EntryKind.config) node.core.applyConfChange(decodeConfChange(entryPayload(entry)))
      node.core.appliedTo(entry.index)
    }
    return node.applied - from
  }

  /** Delivers the messages on the wire now that pass `filter`; returns how many. */
  deliver(filter: (message: Message) => boolean = () => true): number {
    const now = this.wire.filter(filter)
    this.wire = this.wire.filter((message) => !filter(message))
    for (const message of now) this.nodes.get(message.to)?.core.step(message)
    return now.length
  }

  /** Loses what passes `filter`; returns it. */
  drop(filter: (message: Message) => boolean = () => true): Message[] {
    const lost = this.wire.filter(filter)
    this.wire = this.wire.filter((message) => !filter(message))
    return lost
  }

  /** Until nothing moves: take, persist, apply and deliver, among `ids` only (default: everyone). */
  stabilize(...ids: number[]): void {
    const among = ids.length === 0 ? [...this.nodes.keys()] : ids
    for (let moved = 1; moved > 0; ) {
      moved = 0
      for (const id of among) {
        moved += this.ready(id).numbers.length
        moved += this.persist(id)
        moved += this.apply(id)
        this.core(id).broadcastCommit()
      }
      moved += this.deliver((message) => among.includes(message.from) && among.includes(message.to))
    }
  }

  /** Makes the applied state of `id` its snapshot and drops the log up to `index`. */
  compact(id: number, index: number): void {
    const node = this.node(id)
    const { durable } = node.disk
    const at = node.applied
    node.disk.manifest = {
      index: at,
      term: must(durable.term(at), 'term'),
      chain: must(durable.chain(at), 'chain'),
      conf: node.core.confState,
    }
    node.disk.compact(index)
  }

  /** Finishes the snapshot that `id` was offered. */
  install(id: number): void {
    const node = this.node(id)
    const { meta } = must(node.offer, 'offered snapshot')
    node.offer = null
    const hardState = { ...node.core.hardState, commitIndex: meta.index }
    node.disk.append({ number: 0, entries: [], hardState, install: { meta, chain: 0 } })
    node.disk.complete(node.disk.queued)
    node.applied = meta.index
    node.core.snapshotInstalled(meta)
  }
}
