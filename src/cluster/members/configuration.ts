/**
 * The configuration this replica has applied: the Raft ConfState and who the peers in it are. Changed by config entries
 * and installed snapshots only.
 */
import type { Member, PeerId } from '../../protocol/members.ts'
import type { ConfChange, ConfState } from '../../raft/types.ts'

/** Former members remembered; beyond it the oldest are forgotten. */
const REMOVED_MAX = 1_000

/** What a manifest keeps of it. */
export interface SavedConfiguration {
  readonly confState: ConfState
  readonly members: readonly Member[]
  /** Peer ids of former members. */
  readonly removed: readonly PeerId[]
  /** Absent in what older versions saved. */
  readonly former?: readonly FormerName[]
}

/** The name of a former member, and the peer id of the member that has it since; 0 = nobody had. */
export interface FormerName {
  readonly name: string
  readonly by: PeerId
}

export class Configuration {
  #confState: ConfState
  #members: Map<PeerId, Member>
  /** Former members, newest last: a peer id is used once, so they never come back. */
  #removed: readonly PeerId[] = []
  #former: readonly FormerName[] = []

  constructor(confState: ConfState, members: readonly Member[]) {
    this.#confState = confState
    this.#members = new Map(members.map((member) => [member.peerId, member]))
  }

  get removed(): readonly PeerId[] {
    return this.#removed
  }

  /** Names of former members, newest last. */
  get former(): readonly FormerName[] {
    return this.#former
  }

  get confState(): ConfState {
    return this.#confState
  }

  /** Members in the configuration, sorted by name. */
  get members(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  member(peer: PeerId): Member | undefined {
    return this.#members.get(peer)
  }

  named(name: string): Member | undefined {
    return this.members.find((member) => member.name === name)
  }

  replace({ confState, members, removed, former = [] }: SavedConfiguration): void {
    this.#confState = confState
    this.#removed = removed
    this.#former = former
    this.#members = new Map(members.map((member) => [member.peerId, member]))
  }

  /** Takes over an applied change; returns the peers that are no longer in any part of the configuration. */
  applied(change: ConfChange, confState: ConfState): PeerId[] {
    this.#confState = confState
    for (const member of change.members) this.#members.set(member.peerId, member)
    const gone = [...this.#members.values()].filter(({ peerId }) => !this.contains(peerId))
    for (const { peerId } of gone) this.#members.delete(peerId)
    const peers = gone.map(({ peerId }) => peerId)
    const former = gone.map(({ name }) => ({ name, by: this.named(name)?.peerId ?? 0 }))
    this.#removed = [...this.#removed, ...peers].slice(-REMOVED_MAX)
    this.#former = [...this.#former, ...former].slice(-REMOVED_MAX)
    return peers
  }

  contains(peer: PeerId): boolean {
    const { voters, votersOutgoing, learners, learnersNext } = this.#confState
    return [voters, votersOutgoing, learners, learnersNext].some((peers) => peers.includes(peer))
  }

  isVoter(peer: PeerId): boolean {
    return this.#confState.voters.includes(peer) || this.#confState.votersOutgoing.includes(peer)
  }

  isLearner(peer: PeerId): boolean {
    return !this.isVoter(peer) && this.contains(peer)
  }

  /** True when `alive` holds for a majority of the voters (of both halves while joint). */
  hasMajority(alive: (peer: PeerId) => boolean): boolean {
    const { voters, votersOutgoing } = this.#confState
    return majority(voters, alive) && (votersOutgoing.length === 0 || majority(votersOutgoing, alive))
  }
}

function majority(peers: readonly PeerId[], alive: (peer: PeerId) => boolean): boolean {
  let count = 0
  for (const peer of peers) if (alive(peer)) count++
  return count > peers.length / 2
}
