/**
 * Known mistakes, planted to prove that the simulation would find them. They patch prototypes of the core's parts or
 * the simulated host; the product has no switch for any of them. `plant` returns what takes the mistake out again.
 */

import { Outbox } from '../../raft/outbox.ts'
import { Persistence } from '../../raft/persistence.ts'
import { majorityIndex, majorityVote } from '../../raft/quorum.ts'
import { RaftLog } from '../../raft/raft-log.ts'
import { ReadRounds } from '../../raft/read-rounds.ts'
import { CoreState } from '../../raft/state.ts'
import { Tracker } from '../../raft/tracker.ts'
import { patch, patchGetter } from '../patch.ts'
import { SimDisk } from './disk.ts'

const MISTAKES = {
  /** The vote is not written (Raft 5.2). */
  voteNotPersisted: () =>
    patch(
      SimDisk.prototype,
      'append',
      (append) =>
        function (this: SimDisk, write) {
          const { hardState } = write
          append.call(
            this,
            hardState === null ? write : { ...write, hardState: { ...hardState, votedFor: 0 } },
          )
        },
    ),
  /** Acknowledgements and votes do not wait for the disk. */
  acknowledgedBeforeSync: () =>
    patch(
      Outbox.prototype,
      'sendWhenDurable',
      (wait) =>
        function (this: Outbox, message) {
          if (message.from === message.to) wait.call(this, message)
          else this.send(message)
        },
    ),
  /** A late answer to an earlier round confirms the current one (etcd's stale reads of 2020-2026). */
  lateAckConfirmsRead: () =>
    patch(
      ReadRounds.prototype,
      'acknowledge',
      (acknowledge) =>
        function (this: ReadRounds, peer) {
          return acknowledge.call(this, peer, this.position)
        },
    ),
  /** Reads are confirmed without asking anyone. */
  readWithoutQuorum: () => patch(ReadRounds.prototype, 'hasAcknowledged', () => () => true),
  /** A new leader serves reads before its first commit. */
  readBeforeFirstCommit: () =>
    patchGetter(
      CoreState.prototype,
      'canStartReads',
      () =>
        function (this: CoreState) {
          return this.role === 'leader'
        },
    ),
  /** Entries of earlier terms are committed by counting (Raft figure 8). */
  oldTermByCounting: () =>
    patch(
      RaftLog.prototype,
      'commitInTerm',
      () =>
        function (this: RaftLog, index) {
          if (index <= this.commitIndex || index > this.lastIndex) return false
          this.commitTo(index)
          return true
        },
    ),
  /** In a joint configuration the new majority alone decides. */
  singleMajorityInJoint: () => {
    const tally = patch(
      Tracker.prototype,
      'tally',
      () =>
        function (this: Tracker, voteOf) {
          return majorityVote(this.conf.voters, voteOf)
        },
    )
    const commit = patch(
      Tracker.prototype,
      'committedIndex',
      () =>
        function (this: Tracker) {
          return majorityIndex(this.conf.voters, (peer) => this.get(peer)?.match ?? 0)
        },
    )
    return () => {
      tally()
      commit()
    }
  },
  /** What is committed is applied although it is not on this disk. */
  appliedBeyondDisk: () =>
    patch(
      RaftLog.prototype,
      'applicable',
      () =>
        function (this: RaftLog) {
          return this.commitIndex
        },
    ),
  /** An append is taken without looking at prevTerm. */
  prevTermIgnored: () =>
    patch(
      RaftLog.prototype,
      'appendAfter',
      (append) =>
        function (this: RaftLog, prevIndex, _term, entries) {
          return append.call(this, prevIndex, this.term(prevIndex) ?? 0, entries)
        },
    ),
  /** The acknowledgement of an overwritten write makes its successor count as durable (the ABA case). */
  staleWriteAttests: () => patch(Persistence.prototype, 'truncated', () => () => undefined),
  /** A snapshot loses the joint half of its configuration. */
  snapshotForgetsJoint: () =>
    patch(
      RaftLog.prototype,
      'snapshot',
      (snapshot) =>
        function (this: RaftLog) {
          const meta = snapshot.call(this)
          if (meta === null) return null
          const confState = { ...meta.confState, votersOutgoing: [], learnersNext: [], autoLeave: false }
          return { ...meta, confState }
        },
    ),
  /** The commit index is never written, so a restart may go back to an older configuration. */
  commitNotPersisted: () =>
    patch(
      SimDisk.prototype,
      'append',
      (append) =>
        function (this: SimDisk, write) {
          const hardState = write.hardState && { ...write.hardState, commitIndex: this.hardState.commitIndex }
          append.call(this, { ...write, hardState })
        },
    ),
  /** Anyone campaigns: learners, nodes that install a snapshot, nodes that were removed. */
  anyoneCampaigns: () => patchGetter(CoreState.prototype, 'canCampaign', () => () => true),
  /** A candidate leads by the others' votes before its own is durable. */
  leadsBeforeOwnVote: () => patchGetter(CoreState.prototype, 'ownVoteDurable', () => () => true),
  /** Entries behind a waiting configuration are sent before they are durable here. */
  unsafeWhileConfWaits: () =>
    patchGetter(
      RaftLog.prototype,
      'sendableTo',
      () =>
        function (this: RaftLog) {
          return this.lastIndex
        },
    ),
  /** A node campaigns by a configuration that it should have left behind. */
  outdatedConfCampaigns: () => patchGetter(RaftLog.prototype, 'hasUnappliedConfig', () => () => false),
  /** Proposals follow a configuration entry that is not applied yet. */
  proposalsBehindConf: () => patchGetter(RaftLog.prototype, 'hasPendingConfig', () => () => false),
} satisfies Record<string, () => () => void>

export type Mistake = keyof typeof MISTAKES

/**
 * Mistakes that need a chain of rare events: one seed in thousands shows them, so long runs find them, and the scenario
 * tests of raft/ (core.elections.test.ts, core.membership.test.ts) hold the rules they break.
 */
const RARE: readonly Mistake[] = [
  'leadsBeforeOwnVote',
  'unsafeWhileConfWaits',
  'outdatedConfCampaigns',
  'proposalsBehindConf',
]

/** Mistakes that a few hundred seeds find. */
export const mistakes = (Object.keys(MISTAKES) as Mistake[]).filter((name) => !RARE.includes(name))

/** Plants the mistake everywhere in this process; returns what takes it out again. */
export function plant(name: Mistake): () => void {
  return MISTAKES[name]()
}
