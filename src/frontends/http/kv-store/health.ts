/** GET /kv-store/v1/health/: always 200; what matters is in `cluster`. */
import type { NodeStatus, PeerStatus } from '../../../cluster/execute.ts'
import { httpAddressOf } from '../compat.ts'

/** Load balancers read these two; the cluster does both by itself. */
const RETRY_ATTEMPTS = 3

/** `protocol`: 'http' or 'https', as the client came. */
export function storeHealth(status: NodeStatus, protocol: string): Record<string, unknown> {
  const voters = status.peers.filter(({ voter }) => voter)
  const others = status.peers.filter(({ member }) => member.peerId !== status.peerId)
  const total = Math.max(1, voters.length)
  const healthy = Math.max(1, voters.filter((peer) => isHealthy(status, peer)).length)
  return {
    status: 'healthy',
    cluster: {
      replication_enabled: total > 1,
      total_nodes: total,
      healthy_nodes: healthy,
      unhealthy_nodes: total - healthy,
      required_for_quorum: quorumOf(total),
      has_quorum: status.quorum,
      can_accept_writes: status.ready && status.quorum && status.space === 'ok',
      automatic_failover_enabled: true,
      retry_attempts: RETRY_ATTEMPTS,
      nodes: others.map((peer) => ({ url: urlOf(peer, protocol), healthy: peer.reachable })),
    },
  }
}

/** How many nodes certainly did not take a write that no majority could. */
export function reachedNodes(status: NodeStatus): number {
  const reached = status.peers.filter((peer) => peer.voter && isHealthy(status, peer)).length
  return Math.max(1, Math.min(reached, quorumOf(status.confState.voters.length) - 1))
}

function quorumOf(total: number): number {
  return Math.floor(total / 2) + 1
}

function isHealthy(status: NodeStatus, peer: PeerStatus): boolean {
  return peer.reachable || peer.member.peerId === status.peerId
}

/** As REPLICA_NODES would have it; a node that was not heard of yet is known by its peer address only. */
function urlOf({ member, httpAddress }: PeerStatus, protocol: string): string {
  if (member.peerAddress.startsWith('http://')) return `${member.peerAddress}/kv-store/v1`
  return `${protocol}://${httpAddressOf(httpAddress, member.peerAddress) ?? member.peerAddress}/kv-store/v1`
}
