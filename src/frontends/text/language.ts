/**
 * What a text protocol is to the connection that serves it, and the connection to the protocol. A language answers
 * lines; it knows no socket, and has no rule of its own: values are judged by the commands they become.
 */
import type { Consistency, NodeStatus, Result } from '../../cluster/execute.ts'
import type { Command } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { Door } from '../door.ts'

/** A command of the cluster, and how its result reads in the language: the reply, or a request to run instead. */
export interface TextRequest {
  readonly command: Command
  readonly consistency: Consistency
  readonly answer: (result: Result) => string | Buffer | TextRequest
}

/** Replies are given without their line end, and leave in the order in which these methods are called. */
export interface TextClient {
  readonly door: Door
  readonly peer: string
  isAuthenticated: boolean
  reply(text: string): void
  run(request: TextRequest): void
  /** Once everything before it is answered, `source` writes a reply of any length; commands behind it wait. */
  stream(source: (out: TextStream) => void): void
  /** What the node says of itself in this turn. */
  status(): NodeStatus
  /** Closes once everything before is sent; lines behind are not looked at. */
  closeAfterReplies(): void
}

export interface TextStream {
  readonly client: TextClient
  /** Bytes as they are; calls `then` when there is room for more, never when the client has gone. */
  write(bytes: string, then: () => void): void
  end(): void
  /** Nothing was written: answers with the error instead. */
  fail(code: ErrorCode): void
  /** What was written is not all: breaks the connection. */
  cut(): void
  /** `run` is called when the client goes before the end. */
  whenGone(run: () => void): void
}

export interface Language {
  /** As --inline names it. */
  readonly name: 'json' | 'plain'
  /** Answers a line. `isWhole`: it ended with LF; the last one of a sender may not, and then be only a part. */
  line(client: TextClient, line: Buffer, isWhole: boolean): void
  /** How the language says an error of the table; `text` is its text when there is a longer one. */
  failure(code: ErrorCode, text?: string): string
}

/** What an error reply says, without its prefix ('-MASTERDOWN no leader ...'). */
export function errorText(reply: Buffer): string {
  const line = reply.toString('utf8', 1, reply.length - 2)
  return line.slice(line.indexOf(' ') + 1)
}

/** The bytes of a bulk string reply; null for the null string. */
export function bulkBytes(reply: Buffer): Buffer | null {
  if (reply[1] === 0x2d) return null
  return reply.subarray(reply.indexOf(0x0a) + 1, reply.length - 2)
}
