/**
 * Opens a node in the order that crash recovery and formation need: storage, the formation record, the transport, and
 * then the node, which takes part in formation (R8) from there on.
 */
import type { Member } from '../protocol/members.ts'
import type { Callback } from '../storage/disk.ts'
import { openTransport } from '../transport/transport.ts'
import { loadFormation } from './formation/formation-driver.ts'
import type { FormationRecord } from './formation/formation-record.ts'
import { Node } from './node.ts'
import { helloOf } from './node-defaults.ts'
import type { NodeOptions } from './node-options.ts'
import { type NodeStorage, openNodeStorage, selfMember } from './node-storage.ts'
import { linkSilentMs } from './timing.ts'

const BOOT_ID_BYTES = 16

/** Opens everything; the node takes part in formation from then on and runs once it is formed. */
export function openNode(options: NodeOptions, done: Callback<Node>): void {
  const { seams, settings, logger, onFatal, pid, isAlive, machineBootId } = options
  const fail = (error: Error): void => done(error, undefined as never)
  const storageOptions = {
    ...seams,
    ...settings,
    node: settings.name,
    bootId: machineBootId,
    logger,
    onFatal,
    pid,
    isAlive,
  }
  openNodeStorage(storageOptions, (error, storage) => {
    if (error !== null) return fail(error)
    const self = selfMember(storage.dataFolder, settings.peerAddress)
    loadFormation(seams.disk, settings.folder, self, (failure, record) => {
      if (failure !== null) return storage.close(() => fail(failure))
      new NodeOpening(options, storage, self, record).run(done)
    })
  })
}

/** The last step of opening: the transport, whose handlers need the node and which the node needs. */
class NodeOpening {
  readonly #options: NodeOptions
  readonly #storage: NodeStorage
  readonly #self: Member
  readonly #record: FormationRecord | null

  constructor(options: NodeOptions, storage: NodeStorage, self: Member, record: FormationRecord | null) {
    this.#options = options
    this.#storage = storage
    this.#self = self
    this.#record = record
  }

  run(done: Callback<Node>): void {
    const { seams, settings, logger } = this.#options
    const bootId = seams.random.bytes(BOOT_ID_BYTES).toString('hex')
    const self = this.#self
    const early: Node[] = []
    openTransport(
      {
        network: seams.network,
        clock: seams.clock,
        random: seams.random.fork('transport'),
        listen: settings.peerListen,
        silentMs: linkSilentMs(settings.timing),
        hello: helloOf(self, bootId, clusterIdIn(this.#record), settings),
        clusterSecret: settings.clusterSecret,
        ...(settings.clusterSecrets === undefined ? {} : { clusterSecrets: settings.clusterSecrets }),
        admit: (peer) => early[0]?.admit(peer) ?? null,
        handlers: {
          onFrame: (from, type, group, payload) => early[0]?.onFrame(from, type, group, payload),
          onPeer: (peer) => early[0]?.onPeer(peer),
          onControlLost: (peer) => early[0]?.onControlLost(peer),
          onRefused: (remote, reason) =>
            logger.warn('Refused a connection between nodes', { remote, reason }),
        },
      },
      (error, transport) => {
        if (error !== null) return this.#storage.close(() => done(error, undefined as never))
        const node = new Node(this.#options, this.#storage, transport, { self, bootId, record: this.#record })
        early.push(node)
        node.start()
        done(null, node)
      },
    )
  }
}

function clusterIdIn(record: FormationRecord | null): string {
  return record === null || record.state === 'accepted' ? '' : record.clusterId
}
