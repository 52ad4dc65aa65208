/** What a replica is made of and with. */
import type { Engine } from '../engine/types.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Random } from '../lib/random.ts'
import type { Member } from '../protocol/members.ts'
import type { ConfState } from '../raft/types.ts'
import type { Log } from '../storage/log/types.ts'
import type { Store } from '../storage/store/types.ts'
import type { Transport } from '../transport/types.ts'
import type { EffectsHub } from './effects-hub.ts'
import type { Timing } from './timing.ts'

export interface ReplicaOptions {
  readonly group: number
  readonly self: Member
  readonly bootId: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly store: Store
  readonly engine: Engine
  readonly effects: EffectsHub
  readonly transport: Transport
  readonly logger: Logger
  /** The formation set (R8): the configuration at index 0. */
  readonly initial: { readonly confState: ConfState; readonly members: readonly Member[] }
  readonly trailingLogBytes: number
  readonly timing: Timing
  /** R7: the highest engine level that this program executes. */
  readonly engineLevelMax: number
  readonly onFatal: (error: Error) => void
  /** The configuration or who leads changed. */
  readonly onChange: () => void
}
