/**
 * A command that takes effect once, however often it comes: one command around another. Arguments:
 *
 *   0   u32 length, idempotency key, u32 length, fingerprint of the request (kv.ts says what they are)
 *   1   the encoded command (commands.ts)
 *
 * Its reply is an array of two: 1 when the rest is the kept reply of an earlier one, else 0; then the command's reply.
 * An error of the cluster, or of the key, stands alone.
 */
import { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import { type Command, type DecodedCommand, decodeCommand, encodeCommand } from './commands.ts'
import type { KvIdempotency } from './kv.ts'
import { isErrorReply } from './reply.ts'

const FRESH = Buffer.from('*2\r\n:0\r\n')
const REPLAY = Buffer.from('*2\r\n:1\r\n')

export interface Once {
  readonly idempotency: KvIdempotency
  readonly command: DecodedCommand
}

export function encodeOnce({ key, fingerprint }: KvIdempotency, command: Command): Buffer[] {
  const writer = new ByteWriter()
  writer.bytes(key)
  writer.bytes(fingerprint)
  return [writer.finish(), encodeCommand(command.spec.code, command.database, command.args)]
}

/** Views of the bytes of `args`. */
export function decodeOnce([head, inner]: readonly Buffer[]): Once {
  const reader = new ByteReader(head as Buffer)
  const idempotency = { key: reader.bytes(), fingerprint: reader.bytes() }
  reader.end()
  return { idempotency, command: decodeCommand(inner as Buffer, 0) }
}

export function encodeOnceReply(isReplay: boolean, reply: Buffer): Buffer {
  return Buffer.concat([isReplay ? REPLAY : FRESH, reply])
}

export function decodeOnceReply(bytes: Buffer): { readonly isReplay: boolean; readonly reply: Buffer } {
  if (isErrorReply(bytes)) return { isReplay: false, reply: bytes }
  const isReplay = bytes.subarray(0, REPLAY.length).equals(REPLAY)
  return { isReplay, reply: bytes.subarray(REPLAY.length) }
}
