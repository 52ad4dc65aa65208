/** One process on a simulated network and disk that takes part in formation (R8) and does nothing else. */
import assert from 'node:assert/strict'
import type { FormationResult } from '../../cluster/formation/formation.ts'
import type { FormationDirectory } from '../../cluster/formation/formation-directory.ts'
import { FormationDriver, loadFormation } from '../../cluster/formation/formation-driver.ts'
import type { ListedNode } from '../../cluster/formation/formation-record.ts'
import { must } from '../../lib/assert.ts'
import { silentLogger } from '../../lib/logger.ts'
import type { Member } from '../../protocol/members.ts'
import { FrameType } from '../../transport/types.ts'
import type { TransportNode, TransportWorld } from './transport-world.ts'

const FOLDER = '/data'

export interface FormingOptions {
  readonly world: TransportWorld
  readonly host: string
  readonly self: Member
  /** The nodes it was told by name; or none, and it has a directory of addresses. */
  readonly listed: readonly ListedNode[]
  readonly directory?: FormationDirectory
}

export class FormingNode {
  readonly self: Member
  readonly node: TransportNode
  /** What it logged as a warning. */
  readonly warnings: string[] = []
  result: FormationResult | null = null
  #driver: FormationDriver | null = null

  constructor({ world, host, self, listed, directory }: FormingOptions) {
    this.self = self
    this.node = world.start(host, { hello: { name: self.name, incarnation: self.incarnation } })
    const { disk, clock } = this.node.seams
    disk.makeFolder(FOLDER, () => {
      loadFormation(disk, FOLDER, self, (error, record) => {
        if (error !== null) throw error
        this.#begin(
          new FormationDriver({
            self,
            listed,
            ...(directory && { directory }),
            record,
            disk,
            clock,
            dataFolder: FOLDER,
            transport: this.node.transport,
            logger: { ...silentLogger, warn: (message) => this.warnings.push(message) },
            onFormed: (result) => this.#formed(result),
          }),
        )
      })
    })
  }

  /** False until its disk has been read. */
  get isRunning(): boolean {
    return this.#driver !== null
  }

  get isFormed(): boolean {
    return this.result !== null
  }

  get driver(): FormationDriver {
    return must(this.#driver, 'formation')
  }

  /** What formation waits for, in words; '' before it has begun. */
  get reasons(): string {
    return this.#driver?.status().reasons.join('; ') ?? ''
  }

  #begin(driver: FormationDriver): void {
    this.node.user = {
      onPeer: () => driver.peerSeen(),
      onFrame: (from, type, _group, payload) => {
        if (type === FrameType.formation) driver.receive(from, payload)
      },
    }
    this.#driver = driver
    driver.start()
  }

  #formed(result: FormationResult): void {
    assert.equal(this.result, null, 'formed is said once')
    this.result = result
    this.node.transport.setHello({ ...this.node.hello, clusterId: result.clusterId })
    const others = result.members.filter((one) => one.name !== this.self.name)
    this.node.transport.setPeers(others.map((one) => ({ name: one.name, address: one.peerAddress })))
  }
}
