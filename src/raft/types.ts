/**
 * The vocabulary of the Raft core: values that cross its edge. Pure: no I/O, no clock, no randomness of its own.
 * Terms and indexes are integers up to 2^53 - 1; index 0 with term 0 is "before the first entry".
 */
import type { Entry } from '../protocol/entry.ts'
import type { Member, PeerId } from '../protocol/members.ts'

export type Term = number
export type Index = number
export const NO_PEER: PeerId = 0

/** What must be durable before messages that depend on it leave. */
export interface HardState {
  readonly term: Term
  /** The peer voted for in `term`, or NO_PEER. */
  readonly votedFor: PeerId
  readonly commitIndex: Index
}

/** A configuration; `votersOutgoing` is not empty while the change is joint (Raft 6, joint consensus). */
export interface ConfState {
  readonly voters: readonly PeerId[]
  readonly votersOutgoing: readonly PeerId[]
  readonly learners: readonly PeerId[]
  /** Voters of the outgoing configuration that become learners when the joint configuration is left. */
  readonly learnersNext: readonly PeerId[]
  /** The leader proposes leaving the joint configuration as soon as entering it is applied. */
  readonly autoLeave: boolean
}

export type ConfChangeStep =
  | { readonly kind: 'addVoter'; readonly peer: PeerId }
  | { readonly kind: 'addLearner'; readonly peer: PeerId }
  | { readonly kind: 'remove'; readonly peer: PeerId }

/**
 * A membership change. No steps = leave the joint configuration. More than one step, or any change of more than one
 * voter, goes through a joint configuration with automatic leave. `members` describes peers that the steps add; the
 * core carries it and does not look at it.
 */
export interface ConfChange {
  readonly steps: readonly ConfChangeStep[]
  readonly members: readonly Member[]
}

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader'

/** The snapshot a follower would be sent; the host moves the bytes. */
export interface SnapshotMeta {
  readonly index: Index
  readonly term: Term
  readonly confState: ConfState
}

/**
 * The durable log of one group as the core reads it; never blocks. Entries above lastIndex are in the core's memory.
 */
export interface LogReader {
  /** The first index that entries() can give; snapshot or compaction point + 1. */
  firstIndex(): Index
  lastIndex(): Index
  /** The term of `index`; known for firstIndex - 1 too; null when compacted or beyond lastIndex. */
  term(index: Index): Term | null
  /**
   * Entries [low, high), at most maxBytes (but at least one). 'compacted' when low < firstIndex; 'pending' when they
   * are not in memory: the log fetches them and the host then calls core.entriesFetched().
   */
  entries(low: Index, high: Index, maxBytes: number): readonly Entry[] | 'compacted' | 'pending'
  /**
   * What a follower too far behind would get, or null when none is ready (the host makes one, then calls
   * core.snapshotReady()).
   */
  snapshot(): SnapshotMeta | null
}

/** A linearizable read's position: `position` was given to readIndex(); serve it when applied >= index. */
export interface ReadState {
  readonly position: number
  readonly index: Index
}

/**
 * What the host must do, in this order: send `messages` (now); persist (entries, hardState) in one durable batch; when
 * durable, call core.persisted(number). Messages that must wait for it come in a later Ready, released by persisted().
 * Numbers grow by one and are acknowledged in order. One Ready object is reused by the core.
 */
export interface Ready<M> {
  number: number
  /** Changed term, vote or commit; null when none changed. */
  hardState: HardState | null
  /** True when entries or a changed term or vote must be synced; a changed commit alone may be written lazily. */
  mustSync: boolean
  /** To append; entries[0].index <= lastIndex means: discard the durable suffix from there on. */
  entries: readonly Entry[]
  /** May leave at once, in any order relative to the disk. */
  messages: readonly M[]
  /** Entries up to here are committed and durable here: apply them. */
  applyTo: Index
  /** Confirmed reads. */
  reads: readonly ReadState[]
  /**
   * Positions up to this one that were not confirmed by now never will be (leadership was lost); 0 when none were
   * lost.
   */
  readsLostTo: number
  /**
   * Set when a leader offered a snapshot that is ahead of this log: fetch and install it, then
   * core.snapshotInstalled().
   */
  installSnapshot: { readonly meta: SnapshotMeta; readonly from: PeerId } | null
}
