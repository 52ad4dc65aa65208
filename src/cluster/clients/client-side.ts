/**
 * This node's clients: the origin of their writes and the gate of their linearizable reads, towards whichever node
 * leads (this one too). Knows the leader, asks it for this process's session (R13), and runs reads on the local state.
 * Its parts count time in which this process ran: a deadline that passed while it stood still says nothing of answers
 * that came meanwhile and were not looked at (R15).
 */
import type { Engine } from '../../engine/types.ts'
import { RunningTime } from '../../lib/running-time.ts'
import type { PeerId } from '../../protocol/members.ts'
import { errorCodeReply } from '../../protocol/reply.ts'
import type { Store } from '../../storage/store/types.ts'
import type { ReadRequest } from '../frames.ts'
import { AppliedWaiters } from './applied-waiters.ts'
import { Origin } from './origin.ts'
import { answerRead, type PendingRead, waitsForWrite } from './pending.ts'
import { ReadRunner } from './read-runner.ts'
import { ReadGate } from './reads.ts'

const SESSION_RETRY_MS = 200

/** How the client side talks to the leader; each is false when it surely did not get there. */
export interface LeaderLink {
  forward(leader: PeerId, chunks: readonly Buffer[]): boolean
  ask(leader: PeerId, request: ReadRequest): boolean
  openSession(leader: PeerId): boolean
}

export interface ClientSideOptions {
  readonly self: PeerId
  readonly bootId: string
  readonly engine: Engine
  readonly store: Store
  readonly link: LeaderLink
  readonly hasQuorum: () => boolean
  /** The monotonic clock at the making, as in every call below. */
  readonly nowMs: number
  /** R15: the longest that anything waits here. */
  readonly holdMs: number
  /** Asks for a flush at the end of this turn. */
  readonly schedule: () => void
}

export class ClientSide {
  readonly origin: Origin
  readonly gate: ReadGate
  readonly runner: ReadRunner
  readonly waiters = new AppliedWaiters()
  readonly #options: ClientSideOptions
  readonly #running: RunningTime
  #leader: PeerId = 0
  #sessionAskedMs = Number.NEGATIVE_INFINITY

  constructor(options: ClientSideOptions) {
    this.#options = options
    this.#running = new RunningTime(options.nowMs)
    const { engine, store, link, hasQuorum } = options
    const wantTick = (stampMs: number): void => {
      this.gate.wantTick(stampMs)
      options.schedule()
    }
    this.runner = new ReadRunner({ engine, store, wantTick })
    this.gate = new ReadGate({
      ask: (request) => this.#leader !== 0 && link.ask(this.#leader, request),
      serve: (read) => this.runner.serve(read),
      hasQuorum,
      firstRequest: Number.parseInt(options.bootId.slice(0, 8), 16) >>> 0,
    })
    this.origin = new Origin({
      send: (leader, chunks) => link.forward(leader, chunks),
      hasQuorum,
      unblocked: (reads) => {
        for (const read of reads) if (read.done !== null && !waitsForWrite(read)) this.runner.serve(read)
      },
    })
    this.adoptSession()
  }

  /** Another leader, or another term: everything unresolved goes again. 0 = none is known. */
  setLeader(leader: PeerId): void {
    this.#leader = leader
    this.origin.setLeader(leader)
    this.gate.restart()
    this.#sessionAskedMs = Number.NEGATIVE_INFINITY
  }

  /** A connection to `peer` stands again: frames on the old one may be lost. */
  connectionRestored(peer: PeerId): void {
    if (peer !== this.#leader) return
    this.origin.connectionRestored(peer)
    this.gate.restart()
  }

  /** Once per turn: forwards writes, starts a read round. */
  flush(nowMs: number): void {
    const ranMs = this.ranMs(nowMs)
    this.origin.flush(ranMs)
    this.gate.flush(ranMs)
  }

  tick(nowMs: number): void {
    this.#running.tick(nowMs)
    const ranMs = this.ranMs(nowMs)
    this.origin.tick(ranMs)
    this.gate.tick(ranMs)
    this.runner.tick(ranMs, this.#options.hasQuorum())
    this.waiters.tick(ranMs)
    if (this.origin.session !== 0 || this.#leader === 0) return
    if (ranMs - this.#sessionAskedMs < SESSION_RETRY_MS) return
    if (this.#options.link.openSession(this.#leader)) this.#sessionAskedMs = ranMs
  }

  /** Nothing of a client waits here. */
  get isIdle(): boolean {
    const { origin, gate, runner } = this
    if (origin.session === 0 || origin.unresolvedCount > 0 || origin.heldCount > 0) return false
    return gate.waiting === 0 && !runner.isWaiting
  }

  /** What the parts of this side take for the time. */
  ranMs(nowMs: number): number {
    return this.#running.at(nowMs)
  }

  /** R15: the end, in this side's time, of what begins at `nowMs` and has time until `deadlineMs`. */
  deadline(nowMs: number, deadlineMs: number): number {
    return this.ranMs(nowMs) + Math.min(deadlineMs - nowMs, this.#options.holdMs)
  }

  /** `index` is applied here. */
  applied(index: number): void {
    this.runner.applied()
    this.gate.applied(index)
    this.waiters.applied()
  }

  /** Takes over this process's session if the applied state holds one. */
  adoptSession(): void {
    const session = this.#options.engine.sessionOf(this.#options.self, this.#options.bootId)
    if (session !== null) this.origin.sessionOpened(session)
  }

  /** After a snapshot: what clients asked for and the snapshot contains is answered from the dedupe table (R13). */
  resolveFromTable(index: number, nowMs: number): void {
    for (let sequence = this.origin.floor; sequence < this.origin.nextSequence; sequence++) {
      const reply = this.#options.engine.storedReply(this.origin.session, sequence)
      if (reply === null) continue
      this.#refusePassed(this.origin.readsBefore(sequence) ?? [])
      this.origin.resolve(sequence, reply, index, this.ranMs(nowMs))
    }
  }

  /** Reads ahead of a write that a snapshot brought: the state they were to see was never here (R3). */
  #refusePassed(reads: readonly PendingRead[]): void {
    const reply = errorCodeReply('NOT_READY', 'its state was replaced by a newer one')
    for (const read of reads) answerRead(read, reply, 'NOT_READY')
  }

  /** Answers everything that is left, truthfully. */
  stop(): void {
    this.origin.abandon()
    this.gate.close()
    this.runner.close()
    this.waiters.close()
  }
}
