/**
 * Raft messages as bytes. Little-endian; entries follow as their frames, verbatim, so neither side copies them.
 *
 *   offset size
 *        0    1  version (1)
 *        1    1  kind
 *        2    1  flags (1 = reject, 2 = transfer)
 *        3    1  space
 *        4    4  body size; newer versions may add fields at the end of a body, older readers skip them
 *        8   24  from, to, term
 *       32    -  body, then entry frames
 *
 *   kind                     body
 *    1  requestPreVote       lastIndex, lastTerm
 *    2  preVoteResponse      -
 *    3  requestVote          lastIndex, lastTerm
 *    4  voteResponse         -
 *    5  appendEntries        prevIndex, prevTerm, commitIndex, number of entries
 *    6  appendResponse       index, hintIndex, hintTerm
 *    7  heartbeat            commitIndex, position
 *    8  heartbeatResponse    position
 *    9  installSnapshot      index, term, ConfState
 *   10  timeoutNow           -
 *
 * Every field of a body is a u64. Decoding gives null for anything damaged, truncated or unknown.
 */
import { must, unreachable } from '../lib/assert.ts'
import { readU32, readU64, writeU32, writeU64 } from '../lib/bytes.ts'
import { decodeEntry, ENTRY_HEADER_SIZE, type Entry, entryGroup } from '../protocol/entry.ts'
import { confStateSize, decodeConfState, encodeConfState } from './conf-change.ts'
import { confFlaw } from './membership.ts'
import type { AppendEntries, InstallSnapshot, Message } from './messages.ts'

const VERSION = 1
const HEADER_SIZE = 32
const REJECT = 1
const TRANSFER = 2

const KINDS = [
  'requestPreVote',
  'preVoteResponse',
  'requestVote',
  'voteResponse',
  'appendEntries',
  'appendResponse',
  'heartbeat',
  'heartbeatResponse',
  'installSnapshot',
  'timeoutNow',
] as const satisfies readonly Message['kind'][]

const KIND_NUMBER = new Map<Message['kind'], number>(KINDS.map((kind, i) => [kind, i + 1]))

/** The message as chunks to be sent one after the other; the first is the head, the rest are entry frames. */
export function encodeMessage(message: Message): Buffer[] {
  const conf = message.kind === 'installSnapshot' ? encodeConfState(message.meta.confState) : null
  const fields = bodyOf(message)
  const bodySize = 8 * fields.length + (conf?.length ?? 0)
  const head = Buffer.allocUnsafe(HEADER_SIZE + bodySize)
  head[0] = VERSION
  head[1] = must(KIND_NUMBER.get(message.kind), 'kind number')
  head[2] = flagsOf(message)
  head[3] = message.kind === 'appendResponse' || message.kind === 'heartbeatResponse' ? message.space : 0
  writeU32(head, 4, bodySize)
  writeU64(head, 8, message.from)
  writeU64(head, 16, message.to)
  writeU64(head, 24, message.term)
  let at = HEADER_SIZE
  for (const field of fields) {
    writeU64(head, at, field)
    at += 8
  }
  conf?.copy(head, at)
  if (message.kind !== 'appendEntries') return [head]
  const chunks: Buffer[] = [head]
  for (const entry of message.entries) chunks.push(entry.frame)
  return chunks
}

function flagsOf(message: Message): number {
  if ('reject' in message) return message.reject ? REJECT : 0
  return message.kind === 'requestVote' && message.transfer ? TRANSFER : 0
}

function bodyOf(message: Message): number[] {
  switch (message.kind) {
    case 'requestPreVote':
    case 'requestVote':
      return [message.lastIndex, message.lastTerm]
    case 'appendEntries':
      return [message.prevIndex, message.prevTerm, message.commitIndex, message.entries.length]
    case 'appendResponse':
      return [message.index, message.hintIndex, message.hintTerm]
    case 'heartbeat':
      return [message.commitIndex, message.position]
    case 'heartbeatResponse':
      return [message.position]
    case 'installSnapshot':
      return [message.meta.index, message.meta.term]
    case 'preVoteResponse':
    case 'voteResponse':
    case 'timeoutNow':
      return []
    default:
      return unreachable(message)
  }
}

/** u64 fields in a body, by kind number - 1. */
const BODY_FIELDS = [2, 0, 2, 0, 4, 3, 2, 1, 2, 0] as const

/** Reads a message of `group`; its entries are views of `bytes`. Null when it is not valid. */
export function decodeMessage(bytes: Buffer, group: number): Message | null {
  if (bytes.length < HEADER_SIZE || bytes[0] !== VERSION) return null
  const number = bytes[1] as number
  const kind = KINDS[number - 1]
  if (kind === undefined) return null
  const bodySize = readU32(bytes, 4)
  const minimum = 8 * (BODY_FIELDS[number - 1] as number)
  if (bodySize < minimum || HEADER_SIZE + bodySize > bytes.length) return null
  for (let at = 8; at < HEADER_SIZE + minimum; at += 8) if (!isSafeU64(bytes, at)) return null
  if (kind === 'appendEntries') return decodeAppend(bytes, HEADER_SIZE + bodySize, group)
  if (HEADER_SIZE + bodySize !== bytes.length) return null
  if (kind === 'installSnapshot') return decodeSnapshot(bytes)
  return decodePlain(bytes, kind)
}

function isSafeU64(bytes: Buffer, offset: number): boolean {
  return readU32(bytes, offset + 4) < 2 ** 21
}

function envelope(bytes: Buffer): { from: number; to: number; term: number } {
  return { from: readU64(bytes, 8), to: readU64(bytes, 16), term: readU64(bytes, 24) }
}

type PlainKind = Exclude<Message['kind'], 'appendEntries' | 'installSnapshot'>

function decodePlain(bytes: Buffer, kind: PlainKind): Message {
  const { from, to, term } = envelope(bytes)
  const reject = ((bytes[2] as number) & REJECT) !== 0
  const space = bytes[3] as number
  const field = (i: number): number => readU64(bytes, HEADER_SIZE + 8 * i)
  switch (kind) {
    case 'requestPreVote':
      return { kind, from, to, term, lastIndex: field(0), lastTerm: field(1) }
    case 'requestVote': {
      const transfer = ((bytes[2] as number) & TRANSFER) !== 0
      return { kind, from, to, term, lastIndex: field(0), lastTerm: field(1), transfer }
    }
    case 'preVoteResponse':
    case 'voteResponse':
      return { kind, from, to, term, reject }
    case 'appendResponse': {
      const [index, hintIndex, hintTerm] = [field(0), field(1), field(2)]
      return { kind, from, to, term, index, reject, hintIndex, hintTerm, space }
    }
    case 'heartbeat':
      return { kind, from, to, term, commitIndex: field(0), position: field(1) }
    case 'heartbeatResponse':
      return { kind, from, to, term, position: field(0), space }
    case 'timeoutNow':
      return { kind, from, to, term }
    default:
      return unreachable(kind)
  }
}

function decodeSnapshot(bytes: Buffer): InstallSnapshot | null {
  const at = HEADER_SIZE + 16
  const size = confStateSize(bytes, at)
  if (size < 0 || bytes[at] !== 1) return null
  for (let peer = at + 10; peer < at + size; peer += 8) if (!isSafeU64(bytes, peer)) return null
  const confState = decodeConfState(bytes, at)
  if (confFlaw(confState) !== null) return null
  const meta = { index: readU64(bytes, HEADER_SIZE), term: readU64(bytes, HEADER_SIZE + 8), confState }
  return { kind: 'installSnapshot', ...envelope(bytes), meta }
}

function decodeAppend(bytes: Buffer, framesAt: number, group: number): AppendEntries | null {
  const head = envelope(bytes)
  const prevIndex = readU64(bytes, HEADER_SIZE)
  const prevTerm = readU64(bytes, HEADER_SIZE + 8)
  const commitIndex = readU64(bytes, HEADER_SIZE + 16)
  const count = readU64(bytes, HEADER_SIZE + 24)
  const entries: Entry[] = []
  let at = framesAt
  let previous = { index: prevIndex, term: prevTerm }
  while (entries.length < count) {
    const entry = decodeFrame(bytes, at, group)
    if (entry === null || entry.index !== previous.index + 1) return null
    if (entry.term < previous.term || entry.term > head.term) return null
    entries.push(entry)
    at += entry.frame.length
    previous = entry
  }
  if (at !== bytes.length) return null
  return { kind: 'appendEntries', ...head, prevIndex, prevTerm, commitIndex, entries }
}

function decodeFrame(bytes: Buffer, at: number, group: number): Entry | null {
  if (at + ENTRY_HEADER_SIZE > bytes.length) return null
  if (!isSafeU64(bytes, at + 16) || !isSafeU64(bytes, at + 24)) return null
  const entry = decodeEntry(bytes, at)
  return entry !== null && entryGroup(entry.frame) === group ? entry : null
}
