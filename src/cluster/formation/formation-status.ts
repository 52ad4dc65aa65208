/**
 * What an operator needs to know of a cluster that is not formed yet (R8): whom it waits for and the remedy,
 * for the log and /readyz; and what a --cluster list given to an existing node means. Pure.
 */
import type { Member } from '../../protocol/members.ts'
import { clusterIdIn, type Formation, type HeardNode, isMember, isSameList, PRESENT_MS } from './formation.ts'
import type { FormationDirectory } from './formation-directory.ts'
import type { ListedNode } from './formation-record.ts'

export interface FormationStatus {
  /**
   * gathering: looks for the listed nodes. accepted: waits until all of them agreed durably. waiting: found
   * an existing cluster to which it must be added. notMember: found its cluster, but this data folder is not
   * the member of its name.
   */
  readonly state: 'gathering' | 'accepted' | 'waiting' | 'notMember' | 'formed'
  /** Names of the nodes it waits for. */
  readonly waitingFor: readonly string[]
  /** Sentences for the operator: what is missing and what to do. Empty when nothing is. */
  readonly reasons: readonly string[]
}

const START_AGAIN = 'nothing was stored yet: stop these nodes, empty their data folders and start them again'

/** `nowMs` on the clock that receive() was given. */
export function formationStatus(formation: Formation, nowMs: number): FormationStatus {
  if (formation.isFormed) return { state: 'formed', waitingFor: [], reasons: [] }
  const { record } = formation
  if (record === null) {
    const existing = existingCluster(formation, nowMs)
    if (existing !== null) return outsideStatus(formation, existing)
    if (formation.isLearning && formation.directory !== null) return learningStatus(formation.directory)
  }
  const members = record?.state === 'accepted' ? record.members : null
  if (formation.isPersisting)
    return { state: members === null ? 'gathering' : 'accepted', waitingFor: [], reasons: [] }
  const explain = members === null ? whyNotGathered : whyNotAgreed
  const waitingFor: string[] = []
  const reasons: string[] = []
  for (const node of members === null ? formation.list : founders(members)) {
    if (node.name === formation.self.name) continue
    const heard = formation.heard.get(node.name)
    const reason = explain(formation, node, heard, nowMs)
    if (reason === null) continue
    waitingFor.push(node.name)
    reasons.push(reason)
  }
  return { state: members === null ? 'gathering' : 'accepted', waitingFor, reasons }
}

function founders(members: readonly Member[]): ListedNode[] {
  return members.map(({ name, peerAddress }) => ({ name, address: peerAddress }))
}

/** A listed node that belongs to a cluster already. */
function existingCluster(formation: Formation, nowMs: number): HeardNode | null {
  for (const heard of formation.heard.values()) {
    if (heard.message.state === 'formed' && isPresent(heard, nowMs)) return heard
  }
  return null
}

function outsideStatus(formation: Formation, existing: HeardNode): FormationStatus {
  const { name, incarnation } = formation.self
  const { members, list, clusterId } = existing.message
  const namesake = members.find((member) => member.name === name)
  const where = `the cluster of ${existing.peer.name} (${clusterId})`
  const own = formation.list.find((node) => node.name === name)
  const address = own?.address ?? formation.self.peerAddress
  if (namesake === undefined) {
    const command = `kvorum node add ${name} ${address}`
    // A node that was given no name has another one after its folder was emptied: a founder is known by its address.
    const lost = list.find((node) => node.address === address)?.name ?? 'OLD'
    const instead =
      formation.directory === null
        ? ''
        : `, or in the place of a lost one 'kvorum node replace ${lost} ${name} ${address}'`
    const reason = `${name} is not a member of ${where}; to add it, run '${command}'${instead} against a member`
    return { state: 'waiting', waitingFor: [], reasons: [reason] }
  }
  if (namesake.incarnation === incarnation) {
    const reason = `${name} is a member of ${where} and waits for its leader`
    return { state: 'waiting', waitingFor: [], reasons: [reason] }
  }
  const reason =
    `the member ${name} of ${where} has another data folder than this one; start with that folder, ` +
    `or give the place to this one: run 'kvorum node replace ${name} ${name} ${address}' against a member`
  return { state: 'notMember', waitingFor: [], reasons: [reason] }
}

/** Only addresses were listed, and not all of their names are known yet. */
function learningStatus(directory: FormationDirectory): FormationStatus {
  const unanswered = directory.unanswered()
  const missing = unanswered.map((address) => `nobody has answered at ${address}; start that node`)
  const others = directory.disagreeing().map((name) => `${name} was started with a list of other nodes`)
  const silent = directory.silent()
  const looking = silent.map((name) => `${name} has not found all nodes of its list yet; see its log`)
  return {
    state: 'gathering',
    waitingFor: [...unanswered, ...silent],
    reasons: [...missing, ...others, ...looking],
  }
}

type Explain = (
  formation: Formation,
  node: ListedNode,
  heard: HeardNode | undefined,
  nowMs: number,
) => string | null

const whyNotGathered: Explain = (formation, node, heard, nowMs) => {
  if (heard === undefined || !isPresent(heard, nowMs)) return notAnswered(node)
  if (!isSameList(heard.message.list, formation.list)) {
    // Told addresses only, it may not know the names yet.
    if (formation.directory !== null) return `${node.name} still looks for the other nodes`
    const theirs = heard.message.list.map(({ name, address }) => `${name}=${address}`).join(',')
    const remedy = 'start all nodes with the same list'
    return `${node.name} was started with another --cluster list (${theirs}); ${remedy}`
  }
  // Whoever agreed with this very node in its present incarnation shows the same set soon.
  if (heard.message.state === 'accepted' && !isGathered(formation, nowMs)) return null
  return heard.message.state === 'accepted' ? lostData(node.name) : null
}

/** Every listed node was heard lately. */
function isGathered(formation: Formation, nowMs: number): boolean {
  return formation.list.every((node) => {
    const heard = formation.heard.get(node.name)
    return node.name === formation.self.name || (heard !== undefined && isPresent(heard, nowMs))
  })
}

const whyNotAgreed: Explain = (formation, node, heard, nowMs) => {
  const { record } = formation
  if (heard === undefined || record?.state !== 'accepted') return notAnswered(node)
  if (!isMember(heard.peer, record.members)) return lostData(node.name)
  const { state, clusterId } = heard.message
  if (clusterId === clusterIdIn(record)) return null
  if (!isPresent(heard, nowMs)) return notAnswered(node)
  if (state === 'gathering') return `${node.name} has not agreed yet`
  return `${node.name} agreed to another set of nodes; ${START_AGAIN}`
}

function isPresent(heard: HeardNode, nowMs: number): boolean {
  return nowMs - heard.heardMs <= PRESENT_MS
}

function notAnswered(node: ListedNode): string {
  const remedy = "start it, or start with fewer nodes and use 'kvorum node add'"
  return `${node.name} at ${node.address} has not answered; ${remedy}`
}

function lostData(name: string): string {
  const what = `a node lost its data after ${name} had agreed to found a cluster with it, or ${name} did`
  return `${what}; ${START_AGAIN}`
}

export interface ListComparison {
  readonly warnings: readonly string[]
  /** Why the node must not start, with the remedy; null when it may. */
  readonly refusal: string | null
}

/**
 * R8: what a --cluster list means to a node that belongs to a cluster. `members` is the committed
 * configuration (empty = not known yet: nothing is refused).
 */
export function compareClusterFlag(
  listed: readonly ListedNode[],
  members: readonly Member[],
  self: Pick<Member, 'name' | 'incarnation'>,
): ListComparison {
  if (members.length === 0) return { warnings: [], refusal: null }
  if (!isMember(self, members)) {
    const hasNamesake = members.some(({ name }) => name === self.name)
    const change = hasNamesake ? `replace ${self.name} ${self.name}` : `add ${self.name}`
    const remedy = `empty its data folder, start it, and run 'kvorum node ${change} HOST:PORT' against a member`
    return { warnings: [], refusal: `${self.name} is not a member of its cluster any more; ${remedy}` }
  }
  const isOwn = (node: ListedNode): boolean =>
    node.name === self.name ||
    (node.name === '' && members.some(({ peerAddress }) => peerAddress === node.address))
  const others = listed.filter((node) => !isOwn(node))
  if (members.length === 1 && others.length > 0) {
    const remedy = "start it without a list, then use 'kvorum node add' for each other node"
    return {
      warnings: [],
      refusal: `${self.name} holds a single-node database, which no list enlarges; ${remedy}`,
    }
  }
  return { warnings: listed.flatMap((node) => warningsOf(node, members)), refusal: null }
}

function warningsOf(node: ListedNode, members: readonly Member[]): string[] {
  // The same node may have been listed under several addresses: nothing can be said of one alone.
  if (node.name === '') return []
  const member = members.find((one) => one.name === node.name)
  if (member === undefined) {
    return [`--cluster names ${node.name}, which is not a member; use 'kvorum node add' to add it`]
  }
  if (member.peerAddress === node.address) return []
  return [`--cluster has ${node.name} at ${node.address}; its cluster knows it at ${member.peerAddress}`]
}
