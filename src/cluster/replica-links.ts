/**
 * The links between the parts of replicas: what a frame means to this one, and how its client side and leader side
 * reach each other, on this node by a call, on another one by a frame.
 */
import type { Clock } from '../lib/clock.ts'
import type { Member } from '../protocol/members.ts'
import type { RaftCore } from '../raft/core.ts'
import type { Applier } from './applier.ts'
import type { ClientSide, LeaderLink } from './clients/client-side.ts'
import type { SnapshotReceiver } from './durable/snapshot-receiver.ts'
import type { LeaderSide, OriginLink } from './leader/leader-side.ts'
import type { Wire, WireHandlers } from './wire.ts'

/** The parts that are linked; all of them stand before the first frame or command. */
export interface LinkedReplica {
  readonly core: RaftCore
  readonly clients: ClientSide
  readonly leaderSide: LeaderSide
  readonly applier: Applier
  readonly receiver: SnapshotReceiver
  readonly leading: boolean
}

export interface OwnProcess {
  readonly self: Member
  readonly bootId: string
  readonly clock: Clock
}

/** What frames of other nodes mean here. */
export function wireHandlers(replica: LinkedReplica, clock: Clock): WireHandlers {
  return {
    onMessage: (message) => replica.core.step(message),
    onForward: (from, payload) => replica.leaderSide.proposer.receive(from, payload, clock.monotonicMs()),
    onRefuse: (stream) => replica.clients.origin.refused(stream),
    onReadRequest: (from, request) => replica.leaderSide.readRequested(from, request),
    onReadResponse: (response) => replica.clients.gate.confirmed(response, replica.applier.index),
    onOpenSession: (from, bootId) => replica.leaderSide.reign.proposeSession(from, bootId),
    onSnapshotRequest: (from, request) =>
      replica.leaderSide.sender.receive(from, request, clock.monotonicMs()),
    onSnapshotReply: (from, reply, bytes) =>
      replica.receiver.receive(from, reply, bytes, clock.monotonicMs()),
  }
}

/** From this node's clients to the leader, which may be this node. */
export function leaderLink(replica: LinkedReplica, wire: Wire, own: OwnProcess): LeaderLink {
  const { self, bootId, clock } = own
  return {
    forward: (leader, chunks) => {
      if (leader !== self.peerId) return wire.forward(leader, chunks)
      replica.leaderSide.proposer.receive(leader, Buffer.concat(chunks), clock.monotonicMs())
      return true
    },
    ask: (leader, request) => {
      if (leader !== self.peerId) return wire.readRequest(leader, request)
      return replica.leaderSide.readRequested(leader, request)
    },
    openSession: (leader) => {
      if (leader !== self.peerId) return wire.openSession(leader, bootId)
      replica.leaderSide.reign.proposeSession(leader, bootId)
      return replica.leading
    },
  }
}

/** From the leader to nodes with clients, of which this node is one. */
export function originLink(replica: LinkedReplica, wire: Wire, own: OwnProcess): OriginLink {
  const { self } = own
  return {
    refuse: (origin, header, reason) => {
      if (origin === self.peerId) replica.clients.origin.refused(header.stream)
      else wire.refuse(origin, header, reason)
    },
    respond: (origin, response) => {
      if (origin === self.peerId) replica.clients.gate.confirmed(response, replica.applier.index)
      else wire.readResponse(origin, response)
    },
    snapshot: (to, reply, bytes) => wire.snapshotReply(to, reply, bytes),
  }
}
