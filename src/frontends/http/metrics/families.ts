/** The table of all metrics, in the order in which they are served and documented. */
import { doorFamilies } from './door-families.ts'
import type { Family } from './family.ts'
import { raftFamilies } from './raft-families.ts'
import { redisFamilies } from './redis-families.ts'
import { runtimeFamilies } from './runtime-families.ts'
import { storageFamilies } from './storage-families.ts'

export interface FamilyGroup {
  readonly title: string
  readonly families: readonly Family[]
}

export const familyGroups: readonly FamilyGroup[] = [
  { title: 'Raft and replication', families: raftFamilies },
  { title: 'Log, store, disk, keyspace', families: storageFamilies },
  { title: 'Front doors', families: doorFamilies },
  { title: 'Process', families: runtimeFamilies },
  { title: 'The names of redis_exporter', families: redisFamilies },
]

export const families: readonly Family[] = familyGroups.flatMap((group) => group.families)
