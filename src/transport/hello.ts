/**
 * What nodes say of themselves when a connection is made: its encoding, and the rules by which a node refuses
 * another (R7, R8). Pure. A hello is the magic 'KVRM', u16 lowest and u16 highest protocol version spoken,
 * then fields {u8 tag, u16 length, value}; unknown tags are skipped, so later versions may add fields without
 * a new protocol version.
 */
import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from '../lib/bytes.ts'
import type { HelloInfo, Lane } from './types.ts'

/**
 * Protocol versions this program speaks, inclusive. A version stands for everything that nodes must agree on, the
 * commands in the log included: version 1 knew neither PUBLISH nor the KV command, so a node of it must not get their
 * entries.
 */
export const VERSION_MIN = 2
export const VERSION_MAX = 2

export const NONCE_SIZE = 32

export interface Hello extends HelloInfo {
  readonly versionMin: number
  readonly versionMax: number
  /** Bit set of optional abilities; none exists yet. */
  readonly features: number
  readonly lane: Lane
  /**
   * Grows with every change of the hello within one run of the node: an older one must not replace a newer.
   */
  readonly revision: number
  /** Whether this node wants a proof of the cluster secret. */
  readonly hasSecret: boolean
  readonly nonce: Buffer
}

const MAGIC = 0x4d52564b
const Tag = {
  name: 1,
  incarnation: 2,
  bootId: 3,
  clusterId: 4,
  redisAddress: 5,
  httpAddress: 6,
  wallMs: 7,
  nonce: 8,
  lane: 9,
  features: 10,
  hasSecret: 11,
  revision: 12,
  engineLevel: 13,
} as const
/** Programs from before there were levels say nothing. */
const LEVEL_WHEN_SILENT = 1
const LANES: readonly Lane[] = ['control', 'bulk']

/** Printable text of these fields only gets into logs and status pages. */
const NAME = /^[A-Za-z0-9._-]{1,64}$/
const ID = /^[!-~]{1,64}$/
const OPTIONAL_ID = /^[!-~]{0,64}$/
const ADDRESS = /^[ -~]{0,255}$/

export function encodeHello(hello: Hello): Buffer {
  const head = Buffer.alloc(8)
  writeU32(head, 0, MAGIC)
  writeU16(head, 4, hello.versionMin)
  writeU16(head, 6, hello.versionMax)
  const wallMs = Buffer.alloc(8)
  writeU64(wallMs, 0, Math.max(0, Math.floor(hello.wallMs)))
  return Buffer.concat([
    head,
    field(Tag.name, Buffer.from(hello.name)),
    field(Tag.incarnation, Buffer.from(hello.incarnation)),
    field(Tag.bootId, Buffer.from(hello.bootId)),
    field(Tag.clusterId, Buffer.from(hello.clusterId)),
    field(Tag.redisAddress, Buffer.from(hello.redisAddress)),
    field(Tag.httpAddress, Buffer.from(hello.httpAddress)),
    field(Tag.wallMs, wallMs),
    field(Tag.nonce, hello.nonce),
    field(Tag.lane, Buffer.from([LANES.indexOf(hello.lane)])),
    field(Tag.features, u32(hello.features)),
    field(Tag.hasSecret, Buffer.from([hello.hasSecret ? 1 : 0])),
    field(Tag.revision, u32(hello.revision)),
    field(Tag.engineLevel, u32(hello.engineLevel)),
  ])
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4)
  writeU32(out, 0, value)
  return out
}

function field(tag: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3)
  head[0] = tag
  writeU16(head, 1, value.length)
  return Buffer.concat([head, value])
}

/** The hello, or why the bytes are none. Never throws, whatever the bytes. */
export function decodeHello(bytes: Buffer): Hello | string {
  if (bytes.length < 8 || readU32(bytes, 0) !== MAGIC) return 'not a kvorum peer'
  const fields = decodeFields(bytes, 8)
  if (fields === null) return 'malformed hello'
  const text = (tag: number): string => fields.get(tag)?.toString('latin1') ?? ''
  const wallMs = fields.get(Tag.wallMs)
  const number = (tag: number): number => {
    const value = fields.get(tag)
    return value?.length === 4 ? readU32(value, 0) : 0
  }
  const hello: Hello = {
    versionMin: readU16(bytes, 4),
    versionMax: readU16(bytes, 6),
    name: text(Tag.name),
    incarnation: text(Tag.incarnation),
    bootId: text(Tag.bootId),
    clusterId: text(Tag.clusterId),
    redisAddress: text(Tag.redisAddress),
    httpAddress: text(Tag.httpAddress),
    wallMs: wallMs?.length === 8 && readU32(wallMs, 4) < 2 ** 21 ? readU64(wallMs, 0) : 0,
    engineLevel: number(Tag.engineLevel) || LEVEL_WHEN_SILENT,
    features: number(Tag.features),
    revision: number(Tag.revision),
    lane: LANES[fields.get(Tag.lane)?.[0] ?? 0] ?? 'control',
    hasSecret: fields.get(Tag.hasSecret)?.[0] === 1,
    nonce: fields.get(Tag.nonce) ?? Buffer.alloc(0),
  }
  return malformed(hello) ?? hello
}

function decodeFields(bytes: Buffer, from: number): Map<number, Buffer> | null {
  const fields = new Map<number, Buffer>()
  let at = from
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return null
    const end = at + 3 + readU16(bytes, at + 1)
    if (end > bytes.length) return null
    fields.set(bytes[at] as number, bytes.subarray(at + 3, end))
    at = end
  }
  return fields
}

function malformed(hello: Hello): string | null {
  if (!NAME.test(hello.name)) return 'malformed hello: name'
  if (!ID.test(hello.incarnation)) return 'malformed hello: incarnation'
  if (!ID.test(hello.bootId)) return 'malformed hello: boot id'
  if (!OPTIONAL_ID.test(hello.clusterId)) return 'malformed hello: cluster id'
  if (!ADDRESS.test(hello.redisAddress)) return 'malformed hello: redis address'
  if (!ADDRESS.test(hello.httpAddress)) return 'malformed hello: http address'
  if (hello.nonce.length !== NONCE_SIZE) return 'malformed hello: nonce'
  return null
}

/**
 * Why `own` refuses a node that says `remote`, or null (R8). `expectedName` is who was dialled, '' when
 * anyone may answer. An empty cluster id, a node that is not formed yet, goes with any.
 */
export function refusalOf(own: Hello, remote: Hello, expectedName: string): string | null {
  if (remote.versionMin > own.versionMax || remote.versionMax < own.versionMin) {
    const both = `${versions(own)} here, ${versions(remote)} at ${remote.name}`
    return `no common protocol version: ${both}; stop all nodes and start them with one version of kvorum`
  }
  if (remote.bootId === own.bootId) return `${own.name} reached itself`
  if (remote.name === own.name) return `two nodes are named ${own.name}`
  if (expectedName !== '' && remote.name !== expectedName)
    return `expected ${expectedName}, found ${remote.name}`
  if (own.clusterId !== '' && remote.clusterId !== '' && own.clusterId !== remote.clusterId) {
    return `other cluster: ${own.name} belongs to ${own.clusterId}, ${remote.name} to ${remote.clusterId}`
  }
  if (own.hasSecret !== remote.hasSecret) {
    return own.hasSecret ? `${remote.name} has no cluster secret` : `${remote.name} wants a cluster secret`
  }
  return null
}

function versions(hello: Hello): string {
  return hello.versionMin === hello.versionMax
    ? `${hello.versionMin}`
    : `${hello.versionMin}-${hello.versionMax}`
}
