/**
 * Formation (R8): how nodes that were started with the same list become one cluster, exactly once. A pure
 * step machine; formation-driver.ts carries out what it asks for.
 *
 *   gathering --accept--> accepted --form--> formed
 *       \------------------join-----------------^
 *
 * - accept: every listed node was heard lately, with the same list; the set of (name, incarnation, address)
 *   is made durable before anyone is told. Never revoked, never replaced by another set.
 * - form: every member of the accepted set says it accepted it, or any node says that the cluster of this id
 *   is formed. What makes this safe: two different sets with a common (name, incarnation) cannot both be
 *   accepted by all their members, so at most one of them ever forms; and who adopts 'formed' has accepted
 *   the same set, for the id is its hash.
 * - join: a node that agreed to nothing was made a member of an existing cluster (`kvorum node add`, `node
 *   replace`).
 *
 * Messages carry the sender's whole state, so loss, duplication and delay cost time only.
 */
import { assert } from '../../lib/assert.ts'
import { type Member, peerIdOf } from '../../protocol/members.ts'
import type { PeerInfo } from '../../transport/types.ts'
import type { FormationDirectory } from './formation-directory.ts'
import {
  clusterIdOf,
  type FormationMessage,
  type FormationRecord,
  type ListedNode,
  sortedByName,
} from './formation-record.ts'

export interface FormationResult {
  readonly clusterId: string
  /**
   * The founders: the configuration at index 0, from which the log or a snapshot leads to the present one.
   */
  readonly members: readonly Member[]
}

export type FormationOutput =
  /** Make it durable, then call persisted(). One at a time. */
  | { readonly kind: 'persist'; readonly record: FormationRecord }
  /** Tell every address in addresses(). */
  | { readonly kind: 'announce'; readonly message: FormationMessage }
  /** Tell one connected peer. */
  | { readonly kind: 'reply'; readonly to: number; readonly message: FormationMessage }
  /** Once: the cluster exists and this node knows. */
  | { readonly kind: 'formed'; readonly result: FormationResult }

export interface FormationOptions {
  readonly self: Member
  /** The --cluster list, this node included or not; empty = a cluster of one. */
  readonly listed: readonly ListedNode[]
  /** Instead of `listed`: the list is to be learned, with the help of this. */
  readonly directory?: FormationDirectory | null
  /** What the disk holds; null on the first start. */
  readonly record: FormationRecord | null
}

/** What another node said last. */
export interface HeardNode {
  readonly peer: Pick<PeerInfo, 'name' | 'incarnation'>
  readonly message: FormationMessage
  readonly heardMs: number
}

/** A node that was not heard for this long does not count as present. */
export const PRESENT_MS = 3_000

export class Formation {
  readonly self: Member
  /** Sorted by name, this node included. */
  #list: readonly ListedNode[]
  /** While it is not complete, nothing can be agreed to; null when the list was given. */
  readonly directory: FormationDirectory | null
  #isLearning: boolean
  /** By name. */
  readonly heard = new Map<string, HeardNode>()
  #record: FormationRecord | null
  #persisting: FormationRecord | null = null
  #outputs: FormationOutput[] = []
  /** The present members of the formed cluster, for explanations to others. */
  #members: readonly Member[] = []
  #started = false

  constructor(options: FormationOptions) {
    this.self = options.self
    this.#record = options.record
    const others = options.listed.filter((node) => node.name !== options.self.name)
    const names = new Set(others.map((node) => node.name))
    assert(names.size === others.length, 'Cannot form a cluster: a name is listed twice')
    const own = options.listed.find((node) => node.name === options.self.name)
    const address = own?.address ?? options.self.peerAddress
    this.#list = sortedByName([...others, { name: options.self.name, address }])
    this.directory = options.directory ?? null
    this.#isLearning = this.directory !== null
  }

  get list(): readonly ListedNode[] {
    return this.#list
  }

  /** The list is not known yet: nothing can be agreed to. */
  get isLearning(): boolean {
    return this.#isLearning
  }

  /** The directory may have learned something: another list counts until the first decision. */
  learn(): void {
    if (this.directory === null || this.#record !== null || this.#persisting !== null) return
    const list = this.directory.list()
    this.#isLearning = list === null
    if (list === null) return
    this.#list = list
    for (const name of this.heard.keys()) if (!this.#isListed(name)) this.heard.delete(name)
  }

  /** The durable state; null while this node agreed to nothing. */
  get record(): FormationRecord | null {
    return this.#record
  }

  get isFormed(): boolean {
    return this.#record !== null && this.#record.state !== 'accepted'
  }

  /** A decision is on its way to the disk. */
  get isPersisting(): boolean {
    return this.#persisting !== null
  }

  /** Where to dial until formed: listed and accepted addresses, without this node's own. Unknown names are ''. */
  addresses(): readonly ListedNode[] {
    const all = new Map<string, ListedNode>()
    for (const address of this.directory?.toDial() ?? []) all.set(address, { name: '', address })
    for (const node of [...this.list, ...this.#foundingList()]) {
      if (node.name !== this.self.name) all.set(node.address, node)
    }
    return [...all.values()]
  }

  /** Call once, first. */
  start(nowMs: number): void {
    assert(!this.#started, 'Formation was started already')
    this.#started = true
    if (this.isFormed) this.#reportFormed()
    else if (this.#record === null && this.list.length === 1 && !this.#isLearning)
      this.#persist(this.#formedRecord([this.#ownMember()]))
    else this.#advance(nowMs)
    this.#announce()
  }

  /** Call every few hundred milliseconds until formed. */
  tick(nowMs: number): void {
    if (this.isFormed) return
    this.#advance(nowMs)
    this.#announce()
  }

  receive(from: PeerInfo, message: FormationMessage, nowMs: number): void {
    if (this.isFormed) {
      if (message.state !== 'formed') {
        this.#outputs.push({ kind: 'reply', to: from.peerId, message: this.#message() })
      }
      return
    }
    if (!this.#isListed(from.name)) {
      // It lists this node, or it would not have written: let it know that the lists differ.
      this.#outputs.push({ kind: 'reply', to: from.peerId, message: this.#message() })
      return
    }
    this.directory?.receive(from.name, message.view ?? [])
    this.learn()
    const before = this.heard.get(from.name)
    this.heard.set(from.name, { peer: from, message, heardMs: nowMs })
    this.#advance(nowMs)
    const isNews = before?.peer.incarnation !== from.incarnation || before.message.state !== message.state
    if (isNews) this.#announce()
  }

  /**
   * The leader of the cluster `clusterId`, founded by `founders`, invited this node to become a member. False
   * when this node cannot be one: it belongs to another cluster, agreed to found another, or is just about
   * to; or when the founders are not those whose hash the id is.
   */
  join(clusterId: string, founders: readonly Member[]): boolean {
    assert(clusterId !== '', 'Cannot join a cluster without an id')
    if (clusterIdOf(founders) !== clusterId) return false
    if (this.#persisting !== null) return clusterIdIn(this.#persisting) === clusterId
    const record = this.#record
    if (record === null) this.#persist({ state: 'joined', clusterId, members: sortedByName(founders) })
    else if (clusterIdIn(record) !== clusterId) return false
    else if (record.state === 'accepted') this.#persist(this.#formedRecord(record.members))
    return true
  }

  /** The record of the last 'persist' output is durable. */
  persisted(nowMs: number): void {
    assert(this.#persisting !== null, 'Nothing of formation was being made durable')
    this.#record = this.#persisting
    this.#persisting = null
    if (this.isFormed) this.#reportFormed()
    else this.#advance(nowMs)
    this.#announce()
  }

  /** The present configuration, once known: who asks from outside is told. */
  setMembers(members: readonly Member[]): void {
    this.#members = members
  }

  takeOutputs(): readonly FormationOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  /** The set that the present list and what was heard lately make, or null while someone is missing. */
  #gatheredSet(nowMs: number): Member[] | null {
    if (this.#isLearning) return null
    const members: Member[] = []
    for (const node of this.list) {
      if (node.name === this.self.name) {
        members.push(this.#ownMember())
        continue
      }
      const heard = this.heard.get(node.name)
      if (heard === undefined || nowMs - heard.heardMs > PRESENT_MS) return null
      if (heard.message.state === 'formed' || !isSameList(heard.message.list, this.list)) return null
      members.push(memberOf(heard.peer, node.address))
    }
    const clusterId = clusterIdOf(members)
    for (const { message } of this.heard.values()) {
      if (message.state === 'accepted' && message.clusterId !== clusterId) return null
    }
    return members
  }

  #advance(nowMs: number): void {
    if (this.#persisting !== null) return
    const record = this.#record
    if (record === null) {
      const members = this.#gatheredSet(nowMs)
      if (members !== null) this.#persist({ state: 'accepted', members })
      return
    }
    if (record.state === 'accepted' && this.#mayForm(record.members))
      this.#persist(this.#formedRecord(record.members))
  }

  #mayForm(members: readonly Member[]): boolean {
    const clusterId = clusterIdOf(members)
    let acceptedCount = 0
    for (const { peer, message } of this.heard.values()) {
      if (message.clusterId !== clusterId) continue
      if (message.state === 'formed') return true
      if (message.state === 'accepted' && isMember(peer, members)) acceptedCount++
    }
    return acceptedCount === members.length - 1
  }

  #formedRecord(members: readonly Member[]): FormationRecord {
    return { state: 'formed', clusterId: clusterIdOf(members), members: sortedByName(members) }
  }

  #persist(record: FormationRecord): void {
    assert(this.#persisting === null, 'Formation decides one thing at a time')
    const old = this.#record
    const isFirst = old === null
    assert(isFirst || clusterIdIn(old) === clusterIdIn(record), 'R8: a node never agrees to a second set')
    this.#persisting = record
    this.#outputs.push({ kind: 'persist', record })
  }

  #reportFormed(): void {
    const record = this.#record
    assert(record !== null && record.state !== 'accepted', 'Formed means a durable record')
    const { members } = record
    if (this.#members.length === 0) this.#members = members
    this.#outputs.push({ kind: 'formed', result: { clusterId: record.clusterId, members } })
  }

  #announce(): void {
    if (this.addresses().length > 0 || this.directory !== null)
      this.#outputs.push({ kind: 'announce', message: this.#message() })
  }

  #message(): FormationMessage {
    const record = this.#record
    const members = this.isFormed ? this.#members.map(({ name, incarnation }) => ({ name, incarnation })) : []
    const found = this.isFormed ? [] : (this.directory?.view() ?? [])
    const view = found.length === 0 ? {} : { view: found }
    if (record === null) return { state: 'gathering', list: this.list, clusterId: '', members, ...view }
    const state = record.state === 'accepted' ? 'accepted' : 'formed'
    return { state, list: this.#foundingList(), clusterId: clusterIdIn(record), members, ...view }
  }

  #foundingList(): readonly ListedNode[] {
    const record = this.#record
    if (record === null || record.state === 'joined') return []
    return sortedByName(record.members).map(({ name, peerAddress }) => ({ name, address: peerAddress }))
  }

  #ownMember(): Member {
    const own = this.list.find((node) => node.name === this.self.name)
    return memberOf(this.self, own?.address ?? this.self.peerAddress)
  }

  #isListed(name: string): boolean {
    const isNamed = (node: ListedNode): boolean => node.name === name
    if (this.#list.some(isNamed) || this.#foundingList().some(isNamed)) return true
    return this.directory?.isExpected(name) ?? false
  }
}

function memberOf(node: { name: string; incarnation: string }, peerAddress: string): Member {
  const { name, incarnation } = node
  return { peerId: peerIdOf(name, incarnation), name, incarnation, peerAddress }
}

/** The id of the set or cluster that a record stands for. */
export function clusterIdIn(record: FormationRecord): string {
  return record.state === 'accepted' ? clusterIdOf(record.members) : record.clusterId
}

export function isMember(peer: { name: string; incarnation: string }, members: readonly Member[]): boolean {
  return members.some(({ name, incarnation }) => name === peer.name && incarnation === peer.incarnation)
}

/** Both sorted by name. */
export function isSameList(a: readonly ListedNode[], b: readonly ListedNode[]): boolean {
  return (
    a.length === b.length && a.every((node, i) => node.name === b[i]?.name && node.address === b[i]?.address)
  )
}
