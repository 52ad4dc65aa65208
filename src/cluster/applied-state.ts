/** What a manifest says beside its tables, between its bytes (meta.ts) and the parts that own it in memory. */
import type { Engine } from '../engine/types.ts'
import type { SnapshotMeta } from '../raft/types.ts'
import type { Store } from '../storage/store/types.ts'
import { decodeMeta, encodeMeta } from './durable/meta.ts'
import type { Configuration } from './members/configuration.ts'

export interface AppliedState {
  readonly store: Store
  readonly engine: Engine
  readonly configuration: Configuration
}

/** The bytes to be kept with a seal: everything as of the last applied entry. */
export function saveAppliedState({ engine, configuration }: Omit<AppliedState, 'store'>): Buffer {
  const { confState, members, removed, former } = configuration
  return encodeMeta({ confState, members, removed, former, engine: engine.save() })
}

/** Takes over what the store's manifest says; nothing when there is none yet. */
export function loadAppliedState({ store, engine, configuration }: AppliedState): void {
  if (store.manifestIndex === 0) return
  const meta = decodeMeta(store.manifestMeta)
  engine.load(meta.engine)
  configuration.replace(meta)
}

/** The snapshot that a follower would get: the durable manifest, or null. */
export function snapshotMetaOf(store: Store): SnapshotMeta | null {
  if (store.manifestIndex === 0) return null
  const { confState } = decodeMeta(store.manifestMeta)
  return { index: store.manifestIndex, term: store.manifestTerm, confState }
}
