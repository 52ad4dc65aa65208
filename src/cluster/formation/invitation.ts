/**
 * The payload of an `invite` frame: the cluster a fresh node shall become a member of, and its founders (the
 * configuration at index 0, which no log entry carries). JSON: rare, and checked against the cluster id by the
 * receiver.
 */
import type { Member } from '../../protocol/members.ts'
import { peerIdOf } from '../../protocol/members.ts'

export interface Invitation {
  readonly clusterId: string
  readonly founders: readonly Member[]
}

export function encodeInvitation(invitation: Invitation): Buffer {
  return Buffer.from(JSON.stringify(invitation))
}

/** Null when it is none. Peer ids are derived, not believed. */
export function decodeInvitation(payload: Buffer): Invitation | null {
  try {
    const { clusterId, founders } = JSON.parse(payload.toString('utf8')) as Invitation
    if (typeof clusterId !== 'string' || clusterId === '') return null
    return {
      clusterId,
      founders: founders.map((one) => ({ ...one, peerId: peerIdOf(one.name, one.incarnation) })),
    }
  } catch {
    return null
  }
}
