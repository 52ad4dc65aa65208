/**
 * The cluster in Redis' words: a leader is a master, everything else a slave. What INFO and ROLE say must be
 * true on every node, since proxies and Sentinel clients route by it.
 */
import type { NodeStatus, PeerStatus } from '../cluster/execute.ts'

/** The other members that answer. */
export function followersOf(status: NodeStatus): PeerStatus[] {
  return status.peers.filter((peer) => peer.member.peerId !== status.peerId && peer.reachable)
}

export function redisRole(status: NodeStatus): 'master' | 'slave' {
  return status.role === 'leader' ? 'master' : 'slave'
}

/** The host of 'host:port' without brackets, '' when there is none. */
export function hostOf(address: string): string {
  const colon = address.lastIndexOf(':')
  const host = colon < 0 ? address : address.slice(0, colon)
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

/** The port of 'host:port', 0 when there is none. */
export function portOf(address: string): number {
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  return Number.isInteger(port) && port > 0 ? port : 0
}
