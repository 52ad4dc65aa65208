/**
 * Payloads of the frames between an origin node and the leader: forwarded runs, refusals, read rounds, session
 * requests. Integers are little-endian; u64 fields hold integers up to 2^53 - 1.
 *
 *   forward       u64 stream, u32 frame number, runs (protocol/runs.ts)
 *   refuse        u64 stream, u32 frame number, u8 reason
 *   readRequest   u32 request, u8 flags (1 = a tick up to `stamp` is wanted), u64 stamp
 *   readResponse  u32 request, u64 index, u64 stamp (the leader's log clock, ms)
 *   openSession   boot id, UTF-8
 */
import { readU32, readU64, writeU32, writeU64 } from '../lib/bytes.ts'

export const FORWARD_HEADER_SIZE = 12

export interface ForwardHeader {
  /** Numbered by the origin; a new one after each refusal, reconnection or change of leader. */
  readonly stream: number
  /** Position in the stream; 0 starts it. */
  readonly frame: number
}

export function encodeForwardHeader(header: ForwardHeader): Buffer {
  const out = Buffer.allocUnsafe(FORWARD_HEADER_SIZE)
  writeU64(out, 0, header.stream)
  writeU32(out, 8, header.frame)
  return out
}

export function decodeForwardHeader(payload: Buffer): ForwardHeader {
  return { stream: readU64(payload, 0), frame: readU32(payload, 8) }
}

/** Why a leader refuses a stream from a frame on (R15: nothing else refuses). */
export type RefuseReason = 'notLeader' | 'gap'
const REASONS: readonly RefuseReason[] = ['notLeader', 'gap']

export function encodeRefuse(header: ForwardHeader, reason: RefuseReason): Buffer {
  return Buffer.concat([encodeForwardHeader(header), Buffer.from([REASONS.indexOf(reason)])])
}

export function decodeRefuse(payload: Buffer): ForwardHeader & { reason: RefuseReason } {
  return { ...decodeForwardHeader(payload), reason: REASONS[payload[12] as number] ?? 'gap' }
}

export interface ReadRequest {
  readonly request: number
  /** When above 0: a tick entry with at least this stamp is wanted too (R12). */
  readonly tickMs: number
}

export function encodeReadRequest(request: ReadRequest): Buffer {
  const out = Buffer.allocUnsafe(13)
  writeU32(out, 0, request.request)
  out[4] = request.tickMs > 0 ? 1 : 0
  writeU64(out, 5, Math.ceil(request.tickMs))
  return out
}

export function decodeReadRequest(payload: Buffer): ReadRequest {
  return { request: readU32(payload, 0), tickMs: payload[4] === 1 ? readU64(payload, 5) : 0 }
}

export interface ReadResponse {
  readonly request: number
  readonly index: number
  readonly stampMs: number
}

export function encodeReadResponse(response: ReadResponse): Buffer {
  const out = Buffer.allocUnsafe(20)
  writeU32(out, 0, response.request)
  writeU64(out, 4, response.index)
  writeU64(out, 12, Math.floor(response.stampMs))
  return out
}

export function decodeReadResponse(payload: Buffer): ReadResponse {
  return { request: readU32(payload, 0), index: readU64(payload, 4), stampMs: readU64(payload, 12) }
}
