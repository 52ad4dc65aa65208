/**
 * What formation (R8) keeps on disk and says on the wire, with their encodings, and the cluster id. Pure but
 * for the hash. Both encodings are JSON behind a version: they are small, rare, and an operator may have to
 * read them.
 *
 *   file      'kvorum formation 1 <CRC-32 of the next line, 8 hex digits>\n' JSON '\n'
 *   message   u8 version (1), JSON; unknown keys are skipped
 */
import { createHash } from 'node:crypto'
import { crc32 } from '../../lib/crc32.ts'
import { type Member, peerIdOf } from '../../protocol/members.ts'

/** A node as the operator listed it. */
export interface ListedNode {
  readonly name: string
  /** host:port of its peer door. */
  readonly address: string
}

/** The durable state. A node without one has agreed to nothing yet. */
export type FormationRecord =
  /** This node agreed to found a cluster with exactly these members and will never agree to another set. */
  | { readonly state: 'accepted'; readonly members: readonly Member[] }
  /** The cluster founded by these members exists. */
  | { readonly state: 'formed'; readonly clusterId: string; readonly members: readonly Member[] }
  /** This node was added to a cluster that these members had founded. */
  | { readonly state: 'joined'; readonly clusterId: string; readonly members: readonly Member[] }

/** What a node says of its own formation; who it is, the transport knows. */
export interface FormationMessage {
  readonly state: 'gathering' | 'accepted' | 'formed'
  /** Sorted by name: the nodes it would found, or agreed to found, a cluster with. */
  readonly list: readonly ListedNode[]
  /** The id of the set it accepted, or of the cluster it belongs to; '' while gathering. */
  readonly clusterId: string
  /** The members of its cluster as it knows them, for explanations only; empty while there is none. */
  readonly members: readonly { readonly name: string; readonly incarnation: string }[]
  /**
   * Of a node that was told addresses only: whom it found where, itself included (under '' when it does not know its
   * own address), once all of them have answered (formation-directory.ts).
   */
  readonly view?: readonly ListedNode[]
}

/** R8: the hash of the founding set. 32 hex digits. */
export function clusterIdOf(members: readonly Member[]): string {
  const hash = createHash('sha256').update('kvorum cluster 1\n')
  for (const { name, incarnation, peerAddress } of sortedByName(members)) {
    hash.update(`${name} ${incarnation} ${peerAddress}\n`)
  }
  return hash.digest('hex').slice(0, 32)
}

export function sortedByName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

const FILE_MAGIC = 'kvorum formation 1'
const MESSAGE_VERSION = 1

export function encodeFormationFile(record: FormationRecord): Buffer {
  const json = JSON.stringify(record)
  return Buffer.from(`${FILE_MAGIC} ${checksum(json)}\n${json}\n`)
}

/** The record, or why the bytes are none: a damaged file is refused, never taken for an absent one. */
export function decodeFormationFile(bytes: Buffer): FormationRecord | string {
  const [head, json] = bytes.toString('utf8').split('\n')
  if (head?.startsWith('kvorum formation ') !== true || json === undefined)
    return 'it is not a formation file'
  if (!head.startsWith(`${FILE_MAGIC} `)) return `its version is not known: '${head}'`
  if (head !== `${FILE_MAGIC} ${checksum(json)}`) return 'its checksum does not match'
  const value = parse(json)
  const state = text(value?.state)
  const clusterId = text(value?.clusterId)
  const members = list(value?.members, toMember)
  if (members === null) return 'its members are malformed'
  if (state === 'accepted') return { state, members }
  if ((state === 'formed' || state === 'joined') && clusterId !== '') return { state, clusterId, members }
  return `its state is not known: '${state}'`
}

function checksum(json: string): string {
  return crc32(Buffer.from(json)).toString(16).padStart(8, '0')
}

export function encodeFormationMessage(message: FormationMessage): Buffer {
  return Buffer.concat([Buffer.from([MESSAGE_VERSION]), Buffer.from(JSON.stringify(message))])
}

/** Null for what is no message of a version this program knows. Never throws. */
export function decodeFormationMessage(bytes: Buffer): FormationMessage | null {
  if (bytes[0] !== MESSAGE_VERSION) return null
  const value = parse(bytes.toString('utf8', 1))
  const state = value?.state
  const listed = list(value?.list, toListedNode)
  const members = list(value?.members, toIdentity)
  if (state !== 'gathering' && state !== 'accepted' && state !== 'formed') return null
  if (listed === null || members === null) return null
  const message: FormationMessage = { state, list: listed, clusterId: text(value?.clusterId), members }
  const view = list(value?.view, toViewedNode)
  return view === null ? message : { ...message, view }
}

type Fields = Readonly<Record<string, unknown>>

function parse(json: string): Fields | null {
  try {
    return fieldsOf(JSON.parse(json))
  } catch {
    return null
  }
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Null when `value` is no array, or one of its items is not what `convert` wants. */
function list<T>(value: unknown, convert: (fields: Fields) => T | null): T[] | null {
  if (!Array.isArray(value)) return null
  const out: T[] = []
  for (const item of value) {
    const fields = fieldsOf(item)
    const converted = fields === null ? null : convert(fields)
    if (converted === null) return null
    out.push(converted)
  }
  return out
}

function toListedNode(fields: Fields): ListedNode | null {
  const node = { name: text(fields.name), address: text(fields.address) }
  return node.name === '' || node.address === '' ? null : node
}

function toViewedNode(fields: Fields): ListedNode | null {
  const node = { name: text(fields.name), address: text(fields.address) }
  return node.name === '' ? null : node
}

function toIdentity(fields: Fields): { name: string; incarnation: string } | null {
  const identity = { name: text(fields.name), incarnation: text(fields.incarnation) }
  return identity.name === '' || identity.incarnation === '' ? null : identity
}

/** The peer id is derived, not believed. */
function toMember(fields: Fields): Member | null {
  const identity = toIdentity(fields)
  const peerAddress = text(fields.peerAddress)
  if (identity === null || peerAddress === '') return null
  return { ...identity, peerId: peerIdOf(identity.name, identity.incarnation), peerAddress }
}
