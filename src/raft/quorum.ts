/**
 * Majority arithmetic for plain and joint configurations (Raft 6): a joint decision needs a majority of both voter
 * sets, so commit is a minimum and voting a conjunction. An empty set agrees with everything.
 */
import type { PeerId } from '../protocol/members.ts'
import type { Index } from './types.ts'

export type VoteResult = 'pending' | 'won' | 'lost'

/** The two voter sets of a configuration; `votersOutgoing` is empty unless it is joint. */
export interface VoterSets {
  readonly voters: readonly PeerId[]
  readonly votersOutgoing: readonly PeerId[]
}

const sorted: Index[] = []

/** The highest index that a majority of `voters` has reached; Infinity for the empty set. */
export function majorityIndex(voters: readonly PeerId[], indexOf: (peer: PeerId) => Index): Index {
  const count = voters.length
  if (count === 0) return Number.POSITIVE_INFINITY
  sorted.length = 0
  for (const voter of voters) insert(indexOf(voter))
  return sorted[count >>> 1] as Index
}

/** Keeps `sorted` in descending order; a handful of voters makes this the fastest sort there is. */
function insert(index: Index): void {
  let at = sorted.length
  sorted.push(index)
  while (at > 0 && (sorted[at - 1] as Index) < index) {
    sorted[at] = sorted[at - 1] as Index
    at--
  }
  sorted[at] = index
}

/** The highest index committed under both majorities. */
export function jointIndex(sets: VoterSets, indexOf: (peer: PeerId) => Index): Index {
  return Math.min(majorityIndex(sets.voters, indexOf), majorityIndex(sets.votersOutgoing, indexOf))
}

/** The state of a vote among `voters`; `voteOf` gives null for those who have not voted yet. */
export function majorityVote(
  voters: readonly PeerId[],
  voteOf: (peer: PeerId) => boolean | null,
): VoteResult {
  let granted = 0
  let missing = 0
  for (const voter of voters) {
    const vote = voteOf(voter)
    if (vote === null) missing++
    else if (vote) granted++
  }
  const needed = voters.length === 0 ? 0 : (voters.length >>> 1) + 1
  if (granted >= needed) return 'won'
  return granted + missing >= needed ? 'pending' : 'lost'
}

/** Won in both sets, lost in either, else pending. */
export function jointVote(sets: VoterSets, voteOf: (peer: PeerId) => boolean | null): VoteResult {
  const incoming = majorityVote(sets.voters, voteOf)
  const outgoing = majorityVote(sets.votersOutgoing, voteOf)
  if (incoming === 'lost' || outgoing === 'lost') return 'lost'
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'
}
