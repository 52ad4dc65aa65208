/**
 * Whether a membership change that is asked for is done already: the answer to the first request was lost, with its
 * connection or with the leader, and the administrator asks again. What tells it is replicated, so every leader knows.
 */
import type { PeerId } from '../../protocol/members.ts'
import type { AdminRequest } from '../execute.ts'
import type { Configuration } from './configuration.ts'

/** Who says which name, connected now; this node included. */
export interface NamedPeer {
  readonly name: string
  readonly peerId: PeerId
  /** Surely there: a connection may outlive its other end by seconds. */
  readonly isHeard: boolean
}

type Named = Extract<AdminRequest, { peerAddress: string }>

/** True when nothing of `request` is left to be done. */
export function isDone(
  request: AdminRequest,
  configuration: Configuration,
  connected: readonly NamedPeer[],
): boolean {
  switch (request.kind) {
    case 'addNode':
      return isVoterThere(request, configuration, connected)
    case 'replaceNode':
      return hasTakenOver(request, configuration, connected)
    case 'removeNode':
      return (
        configuration.named(request.name) === undefined &&
        configuration.former.some(({ name }) => name === request.name)
      )
    case 'transferLeader':
      return false
  }
}

/** The member that is meant by name and address; undefined when a node with another data folder goes by that name. */
export function memberThere(
  { name, peerAddress }: Named,
  configuration: Configuration,
  connected: readonly NamedPeer[],
): PeerId | undefined {
  const member = configuration.named(name)
  if (member === undefined || member.peerAddress !== peerAddress) return undefined
  const isOther = connected.some((peer) => peer.name === name && peer.peerId !== member.peerId)
  return isOther ? undefined : member.peerId
}

function isVoterThere(
  request: Named,
  configuration: Configuration,
  connected: readonly NamedPeer[],
): boolean {
  const { confState } = configuration
  const peer = memberThere(request, configuration, connected)
  return peer !== undefined && confState.voters.includes(peer) && confState.votersOutgoing.length === 0
}

/**
 * The new node must be heard: one that is down may be about to come back with an empty folder, to be replaced again.
 */
function hasTakenOver(
  request: Extract<AdminRequest, { kind: 'replaceNode' }>,
  configuration: Configuration,
  connected: readonly NamedPeer[],
): boolean {
  const { old, name } = request
  const peer = memberThere(request, configuration, connected)
  if (!isVoterThere(request, configuration, connected)) return false
  if (!connected.some(({ peerId, isHeard }) => peerId === peer && isHeard)) return false
  if (old !== name && configuration.named(old) !== undefined) return false
  return configuration.former.some((former) => former.name === old && (old !== name || former.by === peer))
}
