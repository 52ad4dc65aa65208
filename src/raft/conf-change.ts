/**
 * The payload of a configuration entry, and ConfState as snapshots and manifests carry it. Little-endian.
 *
 *   ConfChange:  u8 version (1) · u8 steps · u16 members
 *                per step:   u8 kind (1 addVoter, 2 addLearner, 3 remove) · u64 peer
 *                per member: u64 peer · u8 length, name · u8 length, incarnation · u16 length, peer address
 *   ConfState:   u8 version (1) · u8 flags (1 = autoLeave) · u16 voters, outgoing, learners, next learners
 *                · u64 per peer, in that order
 */
import { assert } from '../lib/assert.ts'
import { readU16, readU64, writeU16, writeU64 } from '../lib/bytes.ts'
import type { Member, PeerId } from '../protocol/members.ts'
import type { ConfChange, ConfChangeStep, ConfState } from './types.ts'

const VERSION = 1
const STEP_KINDS = ['addVoter', 'addLearner', 'remove'] as const
const CONF_STATE_HEADER = 10

/** Leaves a joint configuration. */
export const LEAVE_JOINT: ConfChange = { steps: [], members: [] }

export function encodeConfChange(change: ConfChange): Buffer {
  assert(change.steps.length < 256 && change.members.length < 65_536, 'Too many steps or members')
  const head = Buffer.alloc(4)
  head[0] = VERSION
  head[1] = change.steps.length
  writeU16(head, 2, change.members.length)
  const steps = change.steps.map((step) => {
    const out = Buffer.alloc(9)
    out[0] = STEP_KINDS.indexOf(step.kind) + 1
    writeU64(out, 1, step.peer)
    return out
  })
  return Buffer.concat([head, ...steps, ...change.members.map(encodeMember)])
}

function encodeMember(member: Member): Buffer {
  const name = Buffer.from(member.name)
  const incarnation = Buffer.from(member.incarnation)
  const address = Buffer.from(member.peerAddress)
  assert(name.length < 256 && incarnation.length < 256 && address.length < 65_536, 'Member text is too long')
  const head = Buffer.alloc(8)
  writeU64(head, 0, member.peerId)
  const addressLength = Buffer.alloc(2)
  writeU16(addressLength, 0, address.length)
  return Buffer.concat([
    head,
    Buffer.of(name.length),
    name,
    Buffer.of(incarnation.length),
    incarnation,
    addressLength,
    address,
  ])
}

/** Reads what encodeConfChange wrote. The bytes come from a checksummed entry: a flaw is a bug and asserts. */
export function decodeConfChange(bytes: Buffer): ConfChange {
  assert(bytes[0] === VERSION, () => `Configuration change has version ${bytes[0]}, expected ${VERSION}`)
  const stepCount = bytes[1] as number
  const memberCount = readU16(bytes, 2)
  const steps: ConfChangeStep[] = []
  let at = 4
  for (let i = 0; i < stepCount; i++, at += 9) {
    const kind = STEP_KINDS[(bytes[at] as number) - 1]
    assert(kind !== undefined, () => `Configuration step has unknown kind ${bytes[at]}`)
    steps.push({ kind, peer: readU64(bytes, at + 1) })
  }
  const members: Member[] = []
  for (let i = 0; i < memberCount; i++) {
    const { member, end } = decodeMember(bytes, at)
    members.push(member)
    at = end
  }
  assert(at === bytes.length, () => `Configuration change ends at ${at} of ${bytes.length} bytes`)
  return { steps, members }
}

function decodeMember(bytes: Buffer, offset: number): { member: Member; end: number } {
  const peerId = readU64(bytes, offset)
  const nameEnd = offset + 9 + (bytes[offset + 8] as number)
  const incarnationEnd = nameEnd + 1 + (bytes[nameEnd] as number)
  const end = incarnationEnd + 2 + readU16(bytes, incarnationEnd)
  assert(end <= bytes.length, () => `Member ends at ${end} of ${bytes.length} bytes`)
  const member = {
    peerId,
    name: bytes.toString('utf8', offset + 9, nameEnd),
    incarnation: bytes.toString('utf8', nameEnd + 1, incarnationEnd),
    peerAddress: bytes.toString('utf8', incarnationEnd + 2, end),
  }
  return { member, end }
}

export function encodeConfState(conf: ConfState): Buffer {
  const lists = [conf.voters, conf.votersOutgoing, conf.learners, conf.learnersNext]
  const count = lists.reduce((sum, list) => sum + list.length, 0)
  const out = Buffer.alloc(CONF_STATE_HEADER + 8 * count)
  out[0] = VERSION
  out[1] = conf.autoLeave ? 1 : 0
  let at = CONF_STATE_HEADER
  lists.forEach((list, i) => {
    writeU16(out, 2 + 2 * i, list.length)
    for (const peer of list) {
      writeU64(out, at, peer)
      at += 8
    }
  })
  return out
}

/** The size of the encoded ConfState at `offset`, or -1 when it does not fit into `bytes`. */
export function confStateSize(bytes: Buffer, offset: number): number {
  if (offset + CONF_STATE_HEADER > bytes.length) return -1
  let count = 0
  for (let i = 0; i < 4; i++) count += readU16(bytes, offset + 2 + 2 * i)
  const size = CONF_STATE_HEADER + 8 * count
  return offset + size <= bytes.length ? size : -1
}

/** Reads what encodeConfState wrote at `offset`; asserts that it is there. */
export function decodeConfState(bytes: Buffer, offset = 0): ConfState {
  assert(confStateSize(bytes, offset) > 0, 'Configuration is cut off')
  assert(bytes[offset] === VERSION, () => `Configuration has version ${bytes[offset]}, expected ${VERSION}`)
  let at = offset + CONF_STATE_HEADER
  const list = (i: number): PeerId[] => {
    const peers: PeerId[] = []
    for (let n = readU16(bytes, offset + 2 + 2 * i); n > 0; n--, at += 8) peers.push(readU64(bytes, at))
    return peers
  }
  const [voters, votersOutgoing, learners, learnersNext] = [list(0), list(1), list(2), list(3)]
  return { voters, votersOutgoing, learners, learnersNext, autoLeave: bytes[offset + 1] === 1 }
}
