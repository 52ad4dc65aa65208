/**
 * Carries formation (formation.ts) out: timer, transport, the file `formation` in the data folder. Until the
 * cluster is formed it owns the transport's list of peers; afterwards it only answers nodes that still look
 * for a cluster.
 */
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Member } from '../../protocol/members.ts'
import { readFileIfPresent, writeFileAtomically } from '../../storage/atomic-file.ts'
import type { Callback, Disk } from '../../storage/disk.ts'
import { FrameType, type PeerInfo, type Transport } from '../../transport/types.ts'
import { Formation, type FormationOutput, type FormationResult, isMember } from './formation.ts'
import type { FormationDirectory } from './formation-directory.ts'
import {
  decodeFormationFile,
  decodeFormationMessage,
  encodeFormationFile,
  encodeFormationMessage,
  type FormationRecord,
  type ListedNode,
} from './formation-record.ts'
import { type FormationStatus, formationStatus } from './formation-status.ts'

const TICK_MS = 200
/** Nodes that are started together find each other in this time: nothing is said of what is missing before. */
const PATIENCE_MS = 2_000
/** An unchanged reason is logged again after this time. */
const LOG_AGAIN_MS = 30_000

export interface FormationDriverOptions {
  readonly self: Member
  /** The --cluster list; empty = a cluster of one. */
  readonly listed: readonly ListedNode[]
  /** When only addresses were listed. */
  readonly directory?: FormationDirectory | null
  /** From loadFormation(). */
  readonly record: FormationRecord | null
  readonly disk: Disk
  readonly dataFolder: string
  readonly clock: Clock
  readonly transport: Transport
  readonly logger: Logger
  /**
   * Called once, in a later turn than start() unless the disk said so already. The hello must then carry the
   * id.
   */
  readonly onFormed: (result: FormationResult) => void
}

/**
 * What earlier starts of `self` left behind; null on the first. An error when the file is damaged, or another
 * node's: guessing here could found a second cluster.
 */
export function loadFormation(
  disk: Disk,
  dataFolder: string,
  self: Member,
  done: Callback<FormationRecord | null>,
): void {
  const path = fileIn(dataFolder)
  readFileIfPresent(disk, path, (error, bytes) => {
    if (error !== null || bytes === null) return done(error, null)
    const record = decodeFormationFile(bytes)
    const fault = typeof record === 'string' ? record : foreign(record, self)
    if (fault !== null) done(new Error(`Cannot use ${path}: ${fault}`), null)
    else done(null, record as FormationRecord)
  })
}

function foreign(record: FormationRecord, self: Member): string | null {
  if (record.state === 'joined' || isMember(self, record.members)) return null
  return `it belongs to another data folder than that of ${self.name} ${self.incarnation}`
}

function fileIn(dataFolder: string): string {
  return `${dataFolder}/formation`
}

export class FormationDriver {
  readonly #options: FormationDriverOptions
  readonly #formation: Formation
  /** The addresses that the transport was told of. */
  #dialled = ''
  #timer: Timer | null = null
  #isStopped = false
  #startedMs = 0
  #logged = ''
  #loggedMs = -Infinity

  constructor(options: FormationDriverOptions) {
    this.#options = options
    this.#formation = new Formation(options)
  }

  /** Dials the listed nodes unless the cluster is formed; onFormed may be called within. */
  start(): void {
    const formation = this.#formation
    if (!formation.isFormed) this.#dial()
    this.#startedMs = this.#nowMs()
    formation.start(this.#startedMs)
    this.#carryOut()
    if (!formation.isFormed) this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** For transport.onPeer: a new peer is told at once. */
  peerSeen(): void {
    if (this.#formation.isFormed) return
    this.#lookAround()
    this.#formation.tick(this.#nowMs())
    this.#carryOut()
  }

  /** For frames of type `formation`. */
  receive(from: PeerInfo, payload: Buffer): void {
    const message = decodeFormationMessage(payload)
    if (message === null) return
    this.#formation.receive(from, message, this.#nowMs())
    this.#carryOut()
  }

  /**
   * A leader invited this node to become a member of its cluster. False when this node cannot be
   * its member; true says that onFormed follows or came already.
   */
  join(clusterId: string, founders: readonly Member[]): boolean {
    const canJoin = this.#formation.join(clusterId, founders)
    this.#carryOut()
    return canJoin
  }

  /** The committed configuration, whenever it changes: outsiders are told what to do by it. */
  setMembers(members: readonly Member[]): void {
    this.#formation.setMembers(members)
  }

  status(): FormationStatus {
    return formationStatus(this.#formation, this.#nowMs())
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs()
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(TICK_MS, () => {
      if (this.#formation.isFormed) return
      this.#lookAround()
      this.#formation.tick(this.#nowMs())
      this.#carryOut()
      this.#logReasons()
      this.#schedule()
    })
  }

  /** Who is at the listed addresses, when only these were listed. */
  #lookAround(): void {
    const { directory } = this.#formation
    if (directory === null) return
    for (const address of directory.toDial()) directory.note(address, this.#options.transport.peerAt(address))
    this.#formation.learn()
    this.#dial()
  }

  #dial(): void {
    const addresses = this.#formation.addresses()
    const text = JSON.stringify(addresses)
    if (text === this.#dialled) return
    this.#dialled = text
    this.#options.transport.setPeers(addresses)
  }

  #carryOut(): void {
    if (this.#isStopped) return
    for (const output of this.#formation.takeOutputs()) this.#perform(output)
  }

  #perform(output: FormationOutput): void {
    const { transport } = this.#options
    switch (output.kind) {
      case 'persist':
        return this.#persist(output.record)
      case 'announce':
        return this.#announce(encodeFormationMessage(output.message))
      case 'reply': {
        const payload = encodeFormationMessage(output.message)
        transport.send(output.to, 'control', FrameType.formation, 0, [payload])
        return
      }
      case 'formed':
        return this.#options.onFormed(output.result)
    }
  }

  /** Over the connections this node dialled, or those that were dialled to it. */
  #announce(payload: Buffer): void {
    const { transport } = this.#options
    const peers = transport.peers()
    for (const { name, address } of this.#formation.addresses()) {
      if (transport.sendTo(address, FrameType.formation, payload)) continue
      const peer = peers.find(({ info }) => info.name === name)
      if (peer !== undefined) transport.send(peer.info.peerId, 'control', FrameType.formation, 0, [payload])
    }
  }

  /**
   * Tries again until it works: nobody is told of what is not durable, so waiting is all that an error costs.
   */
  #persist(record: FormationRecord): void {
    const { disk, dataFolder, logger, clock } = this.#options
    writeFileAtomically(disk, fileIn(dataFolder), encodeFormationFile(record), (error) => {
      if (this.#isStopped) return
      if (error !== null) {
        logger.error('Cannot keep the state of formation; trying again', { error: error.message })
        this.#timer?.cancel()
        this.#timer = clock.setTimer(TICK_MS, () => {
          this.#persist(record)
          this.#schedule()
        })
        return
      }
      this.#formation.persisted(this.#nowMs())
      this.#carryOut()
    })
  }

  #logReasons(): void {
    const { state, reasons } = this.status()
    const nowMs = this.#nowMs()
    if (state === 'gathering' && nowMs - this.#startedMs < PATIENCE_MS) return
    const text = reasons.join('; ')
    if (text === '' || (text === this.#logged && nowMs - this.#loggedMs < LOG_AGAIN_MS)) return
    this.#logged = text
    this.#loggedMs = nowMs
    for (const reason of reasons) this.#options.logger.warn(reason)
  }
}
