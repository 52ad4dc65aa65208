/**
 * The follower's side of a snapshot transfer: pulls the files of the leader's manifest that are not here yet, resumes
 * per file after a break, and hands the complete, synced set to the replica to install (R10 step 1).
 */
import type { PeerId } from '../../protocol/members.ts'
import type { SnapshotFile, Store } from '../../storage/store/types.ts'
import type { SnapshotReply, SnapshotRequest } from './snapshot-frames.ts'

/** Without an answer for this long the transfer begins again, at whoever leads now. */
const ANSWER_MS = 2_000

export interface ReceivedSnapshot {
  readonly index: number
  readonly term: number
  readonly manifest: Buffer
}

export interface SnapshotReceiverOptions {
  readonly store: Store
  readonly request: (to: PeerId, request: SnapshotRequest) => void
  readonly leader: () => PeerId
  readonly complete: (snapshot: ReceivedSnapshot) => void
  /** Nothing will come of the transfer under way; the leader may offer another. */
  readonly abandoned: () => void
  readonly log: (message: string, fields: Record<string, unknown>) => void
}

interface Transfer {
  readonly from: PeerId
  readonly id: number
  readonly snapshot: ReceivedSnapshot
  missing: SnapshotFile[]
}

type State = 'idle' | 'asking' | 'pulling' | 'finishing'

export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions
  #state: State = 'idle'
  #transfer: Transfer | null = null
  #askedMs = 0
  /** The index of the offer that the core waits for: nothing older may be installed. */
  #offeredIndex = 0
  /** The file being pulled and how much of it is here: survives a break (files are unique by name). */
  #partName = ''
  #partSize = 0
  /** The snapshot whose files may be here although it was not installed; 0 = none. */
  #leftoverIndex = 0
  received = 0
  bytesReceived = 0

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options
  }

  get active(): boolean {
    return this.#state !== 'idle'
  }

  /** The core was offered a snapshot that this log needs. */
  start(from: PeerId, offeredIndex: number, nowMs: number): void {
    this.#offeredIndex = offeredIndex
    if (this.#state === 'idle') this.#begin(from, nowMs)
  }

  /** What was received is of use until this node has applied as much. */
  tick(nowMs: number, appliedIndex: number): void {
    if (this.#state === 'idle' && this.#leftoverIndex > 0 && appliedIndex >= this.#leftoverIndex) {
      this.#leftoverIndex = 0
      this.#partName = ''
      this.#options.store.discardReceived()
    }
    if (this.#state !== 'asking' && this.#state !== 'pulling') return
    if (nowMs - this.#askedMs < ANSWER_MS) return
    const leader = this.#options.leader()
    if (leader !== 0) this.#begin(leader, nowMs)
  }

  /** The replica installed the snapshot, or could not. */
  finished(ok: boolean): void {
    const transfer = this.#transfer
    if (transfer !== null) this.#options.request(transfer.from, { kind: 'end', transfer: transfer.id, ok })
    if (ok) this.received++
    this.#state = 'idle'
    this.#transfer = null
  }

  receive(from: PeerId, reply: SnapshotReply, bytes: Buffer, nowMs: number): void {
    if (reply.kind === 'manifest') return this.#manifest(from, reply, bytes, nowMs)
    const transfer = this.#transfer
    if (this.#state !== 'pulling' || transfer === null || reply.transfer !== transfer.id) return
    if (reply.kind === 'gone') return this.#begin(from, nowMs)
    if (reply.name === this.#partName && reply.offset === this.#partSize) this.#chunk(transfer, bytes, nowMs)
  }

  #begin(from: PeerId, nowMs: number): void {
    this.#state = 'asking'
    this.#transfer = null
    this.#askedMs = nowMs
    this.#options.request(from, { kind: 'begin' })
  }

  #manifest(
    from: PeerId,
    reply: SnapshotReply & { kind: 'manifest' },
    manifest: Buffer,
    nowMs: number,
  ): void {
    if (this.#state !== 'asking') return
    const { index, term, transfer: id, files } = reply
    this.#options.log('Receiving a snapshot', { index, term, files: files.length })
    this.#state = 'pulling'
    this.#leftoverIndex = index
    this.#askedMs = nowMs
    const transfer: Transfer = { from, id, snapshot: { index, term, manifest }, missing: [] }
    this.#transfer = transfer
    // After a change of leader another node answers than the one that offered, and its manifest may be older.
    if (index < this.#offeredIndex) {
      return this.#failed(new Error(`Manifest has index ${index}, expected at least ${this.#offeredIndex}`))
    }
    this.#options.store.filesPresent(manifest, (error, present) => {
      if (this.#transfer !== transfer) return
      if (error !== null) return this.#failed(error)
      const here = new Set(present.map((file) => file.name))
      transfer.missing = files.filter((file) => !here.has(file.name))
      this.#next(transfer, nowMs)
    })
  }

  #next(transfer: Transfer, nowMs: number): void {
    const file = transfer.missing[0]
    if (file === undefined) return this.#finish(transfer)
    if (this.#partName !== file.name) {
      this.#partName = file.name
      this.#partSize = 0
    }
    this.#askedMs = nowMs
    const { name } = file
    this.#options.request(transfer.from, {
      kind: 'chunk',
      transfer: transfer.id,
      name,
      offset: this.#partSize,
    })
  }

  #chunk(transfer: Transfer, bytes: Buffer, nowMs: number): void {
    const offset = this.#partSize
    this.#askedMs = nowMs
    this.#options.store.receive(this.#partName, offset, bytes, (error) => {
      if (error !== null) {
        if (this.#transfer === transfer) this.#failed(error)
        return
      }
      this.#partSize = offset + bytes.length
      this.bytesReceived += bytes.length
      if (this.#transfer !== transfer) return
      const file = transfer.missing[0]
      if (file !== undefined && this.#partSize >= file.size) transfer.missing.shift()
      this.#next(transfer, nowMs)
    })
  }

  #finish(transfer: Transfer): void {
    this.#state = 'finishing'
    this.#options.store.receiveComplete(transfer.snapshot.manifest, (error) => {
      if (error !== null) return this.#failed(error)
      this.#options.complete(transfer.snapshot)
    })
  }

  /** Damaged or unwritable: what was received is not used; the leader offers again. */
  #failed(error: Error): void {
    this.#options.log('Receiving a snapshot failed', { error: error.message })
    this.#partName = ''
    this.finished(false)
    this.#options.abandoned()
  }
}
