/**
 * Who executes a write of VikDB's API: the leader; other nodes redirect to it. A redirect ends at its target: a
 * node that led a moment ago executes through the cluster instead of sending the client on, so that no change of
 * leader makes a client run in circles.
 */
import type { NodeStatus } from '../../../cluster/execute.ts'
import type { Door } from '../../door.ts'
import { httpAddressOf } from '../compat.ts'

/** How long a write waits for a leader, in milliseconds. */
const HOLD_MS = 1_000
const POLL_MS = 20
/** Longer than a client takes to follow a redirect. */
const LED_LATELY_MS = 10_000

/** `redirect`: to the leader at this address; `here`: this node executes it; `none`: nobody leads. */
export type Place =
  | { readonly kind: 'here' }
  | { readonly kind: 'redirect'; readonly address: string }
  | { readonly kind: 'none' }

/** Waits at most a second for a leader, and not at all while no majority is there to elect one. */
export async function placeOfWrite(door: Door): Promise<Place> {
  const endMs = door.clock.monotonicMs() + HOLD_MS
  for (;;) {
    const { leader, node } = door.executor.position()
    if (leader === node && leader !== '') return { kind: 'here' }
    if (leader !== '') return placeOf(door)
    if (!door.executor.status().quorum || door.clock.monotonicMs() >= endMs) return { kind: 'none' }
    await new Promise<void>((resolve) => door.clock.setTimer(POLL_MS, resolve))
  }
}

function placeOf(door: Door): Place {
  if (door.executor.position().sinceLedMs <= LED_LATELY_MS) return { kind: 'here' }
  const address = leaderAddress(door.executor.status())
  // Known to lead and not yet heard of where: executing it is better than refusing it.
  return address === null ? { kind: 'here' } : { kind: 'redirect', address }
}

/** Where clients reach the leader's HTTP port, as host:port; null when that is not known. */
export function leaderAddress({ leader, leaderHttpAddress, peers }: NodeStatus): string | null {
  const peer = peers.find(({ member }) => member.name === leader)?.member.peerAddress ?? ''
  return httpAddressOf(leaderHttpAddress, peer)
}
