/**
 * What subscribers are sent. A frame is made once per protocol and shared by everybody who gets it; RESP3 has push
 * types, RESP2 arrays of the same parts.
 */
import { bulkReply, integerReply, NULL_REPLY } from '../../protocol/reply.ts'

const ARRAY = 0x2a

/** A frame in both protocols, each made when it is first wanted. */
export class Frame {
  readonly #parts: readonly Buffer[]
  #resp2: Buffer | null = null
  #resp3: Buffer | null = null

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts
  }

  in(protocol: 2 | 3): Buffer {
    if (protocol === 3) {
      this.#resp3 ??= joined(this.#parts)
      return this.#resp3
    }
    this.#resp2 ??= asArray(joined(this.#parts))
    return this.#resp2
  }
}

/** A canonical reply (protocol/reply.ts) of the push type: `kind`, then `parts`. */
function pushReply(kind: string, ...parts: readonly Buffer[]): Buffer {
  return joined([bulkReply(Buffer.from(kind)), ...parts])
}

/** The confirmation of one (un)subscription; `channel` null = there was none to end. */
export function confirmation(kind: string, channel: Buffer | null, count: number): Buffer {
  return pushReply(kind, channel === null ? NULL_REPLY : bulkReply(channel), integerReply(count))
}

/** A message for the subscribers of `channel`. */
export function messageFrame(kind: 'message' | 'smessage', channel: Buffer, payload: Buffer): Frame {
  return new Frame([bulkReply(Buffer.from(kind)), bulkReply(channel), bulkReply(payload)])
}

/** A message for the subscribers of a pattern that `channel` matches. */
export function patternFrame(pattern: Buffer, channel: Buffer, payload: Buffer): Frame {
  return new Frame([PMESSAGE, bulkReply(pattern), bulkReply(channel), bulkReply(payload)])
}

const PMESSAGE = bulkReply(Buffer.from('pmessage'))

function joined(parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`>${parts.length}\r\n`), ...parts])
}

function asArray(frame: Buffer): Buffer {
  frame[0] = ARRAY
  return frame
}
