/** Metrics of the replicated part: Raft, its entries from stage to stage, its peers, reads, snapshots, clocks. */
import type { PeerStatus } from '../../../cluster/execute.ts'
import {
  counted,
  counter,
  counters,
  type Family,
  flag,
  gauge,
  gauges,
  histograms,
  type Sample,
  type Scrape,
} from './family.ts'

const ROLES = ['forming', 'learner', 'follower', 'preCandidate', 'candidate', 'leader'] as const
const PEER = ['peer']

export const raftFamilies: readonly Family[] = [
  gauge('kvorum_raft_has_leader', '1 while this node knows a leader.', ({ status }) =>
    flag(status.leader !== ''),
  ),
  gauge('kvorum_raft_is_leader', '1 while this node leads.', ({ status }) => flag(status.role === 'leader')),
  gauge('kvorum_raft_is_learner', '1 while this node is a learner (no vote).', ({ status }) =>
    flag(status.role === 'learner'),
  ),
  gauge('kvorum_raft_has_quorum', '1 while this node can reach a majority of the voters.', ({ status }) =>
    flag(status.quorum),
  ),
  gauges(
    'kvorum_raft_role',
    'The role of this node: 1 for the present one, 0 for the others.',
    ['role'],
    roles,
  ),
  gauge('kvorum_ready', '1 while /readyz answers 200.', ({ door, status }) =>
    flag(status.ready && !door.isLeaving),
  ),
  gauge('kvorum_raft_term', 'The current term.', ({ status }) => status.term),
  gauge('kvorum_raft_first_index', 'The oldest entry in the log.', ({ status }) => status.firstIndex),
  gauge('kvorum_raft_last_index', 'The newest entry in the log.', ({ status }) => status.lastIndex),
  gauge(
    'kvorum_raft_commit_index',
    'The newest entry known to be committed.',
    ({ status }) => status.commitIndex,
  ),
  gauge('kvorum_raft_applied_index', 'The newest entry applied here.', ({ status }) => status.appliedIndex),
  gauge('kvorum_raft_voters', 'Members with a vote.', ({ status }) => status.confState.voters.length),
  gauge('kvorum_raft_learners', 'Members without a vote.', ({ status }) => status.confState.learners.length),
  counter('kvorum_raft_elections_total', 'Elections that this node began.', counted('elections')),
  counter(
    'kvorum_raft_leader_changes_total',
    'Times that this node came to know a leader, the first one included.',
    counted('leader_changes'),
  ),
  counter(
    'kvorum_raft_entries_proposed_total',
    'Entries of commands that this node proposed as the leader.',
    counted('entries_proposed'),
  ),
  counter(
    'kvorum_raft_commands_proposed_total',
    'Commands in the entries that this node proposed as the leader.',
    counted('commands_proposed'),
  ),
  counter('kvorum_raft_commands_applied_total', 'Commands applied here.', counted('commands_applied')),
  counter(
    'kvorum_raft_apply_misses_total',
    'Commands that had to wait for a record to be read from disk before they could be applied.',
    counted('apply_misses'),
  ),
  counter(
    'kvorum_raft_apply_stalls_total',
    'Times that applying had to wait because memtables were not flushed yet.',
    counted('apply_stalls'),
  ),
  histograms(
    'kvorum_entry_stage_duration_seconds',
    'How long log entries took from stage to stage on this node; see the stages above.',
    ['stage'],
    ({ measured }) =>
      Object.entries(measured.stages).map(([stage, histogram]) => [[stage], histogram] as const),
  ),
  counter(
    'kvorum_writes_resolved_total',
    "Writes of this node's clients that were answered after they were applied.",
    counted('writes_resolved'),
  ),
  gauge(
    'kvorum_writes_held',
    "Writes of this node's clients that wait for a leader to be known.",
    counted('writes_held'),
  ),
  gauge(
    'kvorum_writes_unresolved',
    "Writes of this node's clients that are on their way through the leader.",
    counted('writes_unresolved'),
  ),
  counter(
    'kvorum_stream_restarts_total',
    'Times that this node sent everything unresolved to the leader again.',
    counted('stream_restarts'),
  ),
  counter(
    'kvorum_read_rounds_total',
    'Rounds that asked the leader to confirm reads.',
    counted('read_rounds'),
  ),
  gauge(
    'kvorum_reads_waiting',
    'Reads that wait for a confirmation or for entries to apply.',
    counted('reads_waiting'),
  ),
  counter('kvorum_snapshots_sent_total', 'Snapshots sent to other nodes.', counted('snapshots_sent')),
  counter(
    'kvorum_snapshots_received_total',
    'Snapshots received and installed.',
    counted('snapshots_received'),
  ),
  counter('kvorum_snapshot_sent_bytes_total', 'Bytes of snapshots sent.', counted('snapshot_bytes_sent')),
  gauge(
    'kvorum_clock_skew_seconds',
    "The largest offset of another node's wall clock from this one's.",
    ({ measured }) => measured.clockSkewMs / 1000,
  ),
  ...peerFamilies(),
]

function roles({ status }: Scrape): Sample[] {
  return ROLES.map((role) => [[role], flag(status.role === role)])
}

/** One series per other member. */
function peerFamilies(): Family[] {
  return [
    gauges(
      'kvorum_peer_reachable',
      '1 while something was heard of the member within a second.',
      PEER,
      (scrape) => others(scrape).map((peer) => [[peer.member.name], flag(peer.reachable)]),
    ),
    gauges(
      'kvorum_peer_last_heard_seconds',
      'Time since the member was last heard; absent when never.',
      PEER,
      (scrape) =>
        others(scrape)
          .filter((peer) => Number.isFinite(peer.lastHeardMs))
          .map((peer) => [[peer.member.name], peer.lastHeardMs / 1000]),
    ),
    gauges(
      'kvorum_peer_match_index',
      'The newest entry known to be on the disk of the member; only on the leader.',
      PEER,
      (scrape) => followed(scrape).map((peer) => [[peer.member.name], peer.matchIndex]),
    ),
    gauges(
      'kvorum_peer_lag_entries',
      "Entries of the leader's log that are not known to be on the disk of the member; only on the leader.",
      PEER,
      (scrape) =>
        followed(scrape).map((peer) => [
          [peer.member.name],
          Math.max(0, scrape.status.lastIndex - peer.matchIndex),
        ]),
    ),
    ...trafficFamilies(),
  ]
}

function trafficFamilies(): Family[] {
  return [
    gauges('kvorum_peer_rtt_seconds', 'Smoothed round trip to the node.', PEER, ({ measured }) =>
      measured.peers.map((peer) => [[peer.name], peer.rttMs / 1000]),
    ),
    counters(
      'kvorum_peer_connections_total',
      'Connections made with the node, either way.',
      PEER,
      ({ measured }) => measured.peers.map((peer) => [[peer.name], peer.connections]),
    ),
    counters(
      'kvorum_peer_dropped_frames_total',
      'Frames to the node that could not be sent: no connection, or its queue was full.',
      PEER,
      ({ measured }) => measured.peers.map((peer) => [[peer.name], peer.framesDropped]),
    ),
    counters('kvorum_peer_received_bytes_total', 'Bytes received from the node.', PEER, ({ measured }) =>
      measured.peers.map((peer) => [[peer.name], peer.bytesIn]),
    ),
    counters('kvorum_peer_sent_bytes_total', 'Bytes sent to the node.', PEER, ({ measured }) =>
      measured.peers.map((peer) => [[peer.name], peer.bytesOut]),
    ),
  ]
}

function others({ status }: Scrape): readonly PeerStatus[] {
  return status.peers.filter((peer) => peer.member.peerId !== status.peerId)
}

function followed(scrape: Scrape): readonly PeerStatus[] {
  return scrape.status.role === 'leader' ? others(scrape) : []
}
