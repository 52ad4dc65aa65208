/**
 * The leader's side of snapshot transfers: a held manifest version per receiver, served chunk by chunk on request. A
 * transfer that is not asked for anything for a while is given up and its files are released.
 */
import { limits } from '../../protocol/limits.ts'
import type { PeerId } from '../../protocol/members.ts'
import type { Store, StoreSnapshot } from '../../storage/store/types.ts'
import type { SnapshotReply, SnapshotRequest } from '../durable/snapshot-frames.ts'

const IDLE_MS = 30_000

interface Transfer {
  readonly id: number
  readonly snapshot: StoreSnapshot
  lastUsedMs: number
}

export interface SnapshotSenderOptions {
  readonly store: Store
  readonly reply: (to: PeerId, reply: SnapshotReply, bytes?: Buffer) => void
  /** The transfer ended: what the core should believe of the follower. */
  readonly finished: (to: PeerId, ok: boolean) => void
}

export class SnapshotSender {
  readonly #options: SnapshotSenderOptions
  readonly #transfers = new Map<PeerId, Transfer>()
  #nextId = 1
  sent = 0
  bytesSent = 0

  constructor(options: SnapshotSenderOptions) {
    this.#options = options
  }

  /** The lowest index a receiver will continue from, or Infinity: the log must be kept from there on (R9). */
  lowestIndex(): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const transfer of this.#transfers.values()) lowest = Math.min(lowest, transfer.snapshot.index)
    return lowest
  }

  receive(from: PeerId, request: SnapshotRequest, nowMs: number): void {
    if (request.kind === 'begin') return this.#begin(from, nowMs)
    const transfer = this.#transfers.get(from)
    if (transfer === undefined || transfer.id !== request.transfer) {
      if (request.kind === 'chunk') this.#options.reply(from, { kind: 'gone', transfer: request.transfer })
      return
    }
    transfer.lastUsedMs = nowMs
    if (request.kind === 'end') return this.#end(from, request.ok)
    this.#sendChunk(from, transfer, request.name, request.offset)
  }

  tick(nowMs: number): void {
    for (const [peer, transfer] of this.#transfers) {
      if (nowMs - transfer.lastUsedMs > IDLE_MS) this.#end(peer, false)
    }
  }

  /** Not the leader any more, or the peer is gone. */
  drop(peer: PeerId | null): void {
    for (const other of [...this.#transfers.keys()])
      if (peer === null || peer === other) this.#end(other, false)
  }

  #begin(from: PeerId, nowMs: number): void {
    this.#transfers.get(from)?.snapshot.release()
    const snapshot = this.#options.store.snapshot()
    const transfer = { id: this.#nextId++, snapshot, lastUsedMs: nowMs }
    this.#transfers.set(from, transfer)
    const { index, term, files, manifest } = snapshot
    this.#options.reply(from, { kind: 'manifest', transfer: transfer.id, index, term, files }, manifest)
  }

  #sendChunk(to: PeerId, transfer: Transfer, name: string, offset: number): void {
    this.#options.store.readFile(name, offset, limits.snapshotChunkBytes, (error, bytes) => {
      if (this.#transfers.get(to) !== transfer) return
      if (error !== null) return this.#end(to, false)
      this.bytesSent += bytes.length
      this.#options.reply(to, { kind: 'chunk', transfer: transfer.id, name, offset }, bytes)
    })
  }

  #end(peer: PeerId, ok: boolean): void {
    this.#transfers.get(peer)?.snapshot.release()
    this.#transfers.delete(peer)
    if (ok) this.sent++
    this.#options.finished(peer, ok)
  }
}
