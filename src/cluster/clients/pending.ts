/**
 * What waits on a node between execute() and its answer: client sessions, their writes and their reads. Plain records:
 * the origin (writes) and the read gate (reads) own the transitions.
 */
import { type Command, encodeCommand } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { errorCodeReply } from '../../protocol/reply.ts'
import type { Consistency, ExecuteDone, Session } from '../execute.ts'

/** One client connection's ordering state. */
export interface ClientSession extends Session {
  /** The newest write of this session that is not resolved, or null. */
  newestWrite: PendingWrite | null
  /** Reads that are not answered, oldest first. */
  readonly reads: PendingRead[]
}

export interface PendingWrite {
  /** Null for the node's own commands (expiry, space state). */
  readonly session: ClientSession | null
  /** The encoded command (protocol/commands.ts). */
  readonly encoded: Buffer
  /** Of the client side (ClientSide.deadline). */
  readonly deadlineMs: number
  /** Null once answered. */
  done: ExecuteDone | null
  /** 0 until it is first forwarded; then its place in this node's replicated session, for good. */
  sequence: number
  /** The write ahead of it on its connection that was unresolved when it came, or null. */
  previous: PendingWrite | null
  /** Reads ahead of it on its connection that were unanswered when it came: served right before it applies (R3). */
  readonly readsBefore: readonly PendingRead[] | null
  /** Reads behind it on its connection whose round is confirmed and that only wait for this write. */
  readsAfter: PendingRead[] | null
}

export interface PendingRead {
  readonly session: ClientSession
  readonly command: Command
  readonly consistency: Consistency
  /** Of the client side (ClientSide.deadline). */
  readonly deadlineMs: number
  /** Null once answered. */
  done: ExecuteDone | null
  /** The last write ahead of it on its connection, or null. */
  readonly after: PendingWrite | null
  /** The read's time: the leader's log clock when its round was confirmed (R12). */
  nowMs: number
}

/** A command of the node's own (expiry, space state): part of no session of a client, in no order with one. */
export interface OwnCommand {
  readonly code: number
  readonly args: readonly Buffer[]
}

export function ownWrite({ code, args }: OwnCommand, deadlineMs: number, done: ExecuteDone): PendingWrite {
  return {
    session: null,
    encoded: encodeCommand(code, 0, args),
    deadlineMs,
    done,
    sequence: 0,
    readsBefore: null,
    readsAfter: null,
    previous: null,
  }
}

export function answerWrite(write: PendingWrite, reply: Buffer, error: ErrorCode | null): void {
  const done = write.done
  if (done === null) return
  write.done = null
  // A refused write may be answered before those ahead of it.
  write.previous = unresolved(write.previous)
  const session = write.session
  if (session !== null && session.newestWrite === write) session.newestWrite = write.previous
  done({ reply, error })
}

/** `write` or else the newest write ahead of it on its connection that is not resolved; null when there is none. */
function unresolved(write: PendingWrite | null): PendingWrite | null {
  let at = write
  while (at !== null && at.done === null) at = at.previous
  return at
}

/** True when `read` must wait for a write ahead of it on its connection (R3): it will be given back with that one. */
export function waitsForWrite(read: PendingRead): boolean {
  const write = unresolved(read.after)
  if (write === null) return false
  write.readsAfter ??= []
  write.readsAfter.push(read)
  return true
}

export function answerRead(read: PendingRead, reply: Buffer, error: ErrorCode | null): void {
  const done = read.done
  if (done === null) return
  read.done = null
  const reads = read.session.reads
  if (reads[0] === read) reads.shift()
  else {
    const place = reads.indexOf(read)
    if (place >= 0) reads.splice(place, 1)
  }
  done({ reply, error })
}

export function refuseRead(read: PendingRead, error: ErrorCode): void {
  answerRead(read, errorCodeReply(error), error)
}

/**
 * Refuses the reads whose deadline is past, whose client is gone, or all without a majority (R15); returns the
 * others.
 */
export function sweepReads(reads: readonly PendingRead[], nowMs: number, quorum: boolean): PendingRead[] {
  for (const read of reads) {
    const isOver = !quorum || read.deadlineMs <= nowMs || read.session.closed
    if (isOver) refuseRead(read, quorum ? 'NO_LEADER' : 'NO_QUORUM')
  }
  return reads.filter((read) => read.done !== null)
}
