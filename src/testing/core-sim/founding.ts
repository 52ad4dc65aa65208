/**
 * Forming a cluster by an entry, one of two ways in which the simulation of the core begins: index 1, term 1, all
 * members as voters. Every founder has the same bytes in its log, and hard state {term: 1, commitIndex: 1}, before its
 * core first runs; later members get it like any entry.
 */
import { type Entry, EntryKind, encodeEntry } from '../../protocol/entry.ts'
import type { Member } from '../../protocol/members.ts'
import { encodeConfChange } from '../../raft/conf-change.ts'

/** The same for every order in which the founders know each other. */
export function foundingEntry(group: number, members: readonly Member[]): Entry {
  const founders = [...members].sort((a, b) => a.peerId - b.peerId)
  const steps = founders.map((member) => ({ kind: 'addVoter' as const, peer: member.peerId }))
  return encodeEntry(group, 1, 1, EntryKind.config, [encodeConfChange({ steps, members: founders })])
}
