/** Which peers a member refuses to talk to, and why: the reason goes to both sides' logs. */
import type { PeerInfo } from '../transport/types.ts'
import { olderProgram } from './leader/engine-levels.ts'
import type { Configuration } from './members/configuration.ts'

/**
 * Former members and older programs (R7) are told so, instead of being left to wait for a leader; null = welcome. A
 * node that is to become a member is judged by the leader, in the answer to the operator.
 */
export function refusalOf(peer: PeerInfo, configuration: Configuration, engineLevel: number): string | null {
  if (configuration.removed.includes(peer.peerId))
    return `${peer.name} was removed from the cluster; to return it needs an empty data folder`
  return configuration.contains(peer.peerId) ? olderProgram(peer, engineLevel) : null
}
