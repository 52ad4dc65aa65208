/**
 * The omniscient observer: sees every node's log, disk and messages at once and asserts, after every step, what no
 * node can check alone. A broken invariant throws Violation.
 */
import { EntryKind } from '../../protocol/entry.ts'
import { allPeers } from '../../raft/membership.ts'
import type { Message } from '../../raft/messages.ts'
import type { ConfState, Ready } from '../../raft/types.ts'
import type { SimNode } from './node.ts'

export class Violation extends Error {
  override readonly name = 'Violation'
}

function check(condition: boolean, invariant: string, detail: () => string): asserts condition {
  if (!condition) throw new Violation(`${invariant}: ${detail()}`)
}

const TERMS = 65_536

/** What the checker remembers of one node between steps, crashes included. */
interface Seen {
  term: number
  commitIndex: number
  appliedIndex: number
  leading: boolean
  /** It became leader and its log has not been compared yet. */
  newLeader: boolean
}

export class Checker {
  readonly #nodes = new Map<number, SimNode>()
  readonly #seen = new Map<number, Seen>()
  readonly #leaderOfTerm = new Map<number, number>()
  readonly #appenderOfTerm = new Map<number, number>()
  /** (node, term) -> candidate. */
  readonly #votes = new Map<number, number>()
  /** (index, term) -> chain. */
  readonly #chains = new Map<number, number>()
  /** The chain of every committed index; index 0 is the empty log. */
  readonly #committed: number[] = [0]
  /** The term of the leader that committed it. */
  readonly #committedIn: number[] = [0]
  /** The configuration in force after applying an index, as text. */
  readonly #confs = new Map<number, string>()
  /** Reads in flight: (node, position) -> the commit index known anywhere when it was asked for. */
  readonly #reads = new Map<string, number>()
  leaders = 0
  reads = 0

  /** The highest index committed on any node. */
  get maxCommitted(): number {
    return this.#committed.length - 1
  }

  add(node: SimNode): void {
    this.#nodes.set(node.id, node)
    this.#seen.set(node.id, { term: 0, commitIndex: 0, appliedIndex: 0, leading: false, newLeader: false })
  }

  #of(node: SimNode): Seen {
    return this.#seen.get(node.id) as Seen
  }

  /** The cluster is formed: index 1 is committed. */
  founded(chain: number): void {
    this.#committed.push(chain)
    this.#committedIn.push(1)
  }

  /** A node starts, or starts again: what it knew durably it still knows. */
  started(node: SimNode): void {
    const seen = this.#of(node)
    const { hardState, manifest, durable } = node.disk
    const core = node.running
    check(core.term === hardState.term, 'term survives a restart', () => `${core.term}, ${hardState.term}`)
    check(core.commitIndex >= manifest.index, 'commit index covers the manifest', () => `node ${node.id}`)
    seen.term = core.term
    seen.commitIndex = core.commitIndex
    seen.appliedIndex = manifest.index
    seen.leading = false
    seen.newLeader = false
    check(manifest.index >= durable.base.index, 'snapshot index <= applied', () => `node ${node.id}`)
    this.#configurations(node, core.commitIndex)
  }

  /** After every call into a core. */
  observe(node: SimNode): void {
    const seen = this.#of(node)
    const core = node.running
    check(core.term >= seen.term, 'terms never fall', () => `node ${node.id}: ${seen.term} to ${core.term}`)
    seen.term = core.term
    if (core.role === 'leader') this.#leader(node, seen)
    else seen.leading = false
    check(core.commitIndex >= seen.commitIndex, 'commit index never falls', () => `node ${node.id}`)
    if (core.role === 'leader' && core.commitIndex > seen.commitIndex) this.#counted(node, seen)
  }

  #leader(node: SimNode, seen: Seen): void {
    if (seen.leading) return
    seen.leading = true
    seen.newLeader = true
    this.leaders++
    const { term, confState } = node.running
    const before = this.#leaderOfTerm.get(term) ?? node.id
    check(before === node.id, 'one leader per term', () => `${before} and ${node.id} in term ${term}`)
    this.#leaderOfTerm.set(term, node.id)
    this.#vote(node.id, term, node.id)
    const voters = [...confState.voters, ...confState.votersOutgoing]
    check(voters.includes(node.id), 'learners never lead', () => `node ${node.id}`)
  }

  #vote(voter: number, term: number, candidate: number): void {
    const key = voter * TERMS + term
    const before = this.#votes.get(key) ?? candidate
    check(
      before === candidate,
      'one vote per term',
      () => `${voter}: ${before}, ${candidate} in term ${term}`,
    )
    this.#votes.set(key, candidate)
  }

  /** A leader moved its commit index by counting. */
  #counted(node: SimNode, seen: Seen): void {
    const { commitIndex, term, confState } = node.running
    seen.commitIndex = commitIndex
    const { visible } = node.disk
    check(visible.term(commitIndex) === term, 'commits by counting its own term', () => `${commitIndex}`)
    const chain = visible.chain(commitIndex)
    for (const voters of [confState.voters, confState.votersOutgoing]) {
      const holders = voters.filter((peer) => this.#holds(peer, commitIndex, chain)).length
      const enough = voters.length === 0 || holders > voters.length / 2
      check(
        enough,
        'committed entries are durable on a quorum',
        () => `${commitIndex} on ${holders} of ${voters}`,
      )
    }
    this.#commit(node, commitIndex)
    for (const other of this.#nodes.values()) {
      if (other.core?.role === 'leader' && other.core.term > term) this.#complete(other, commitIndex)
    }
  }

  #holds(peer: number, index: number, chain: number | null): boolean {
    const disk = this.#nodes.get(peer)?.disk
    if (disk === undefined) return false
    return disk.durable.base.index > index || disk.durable.chain(index) === chain
  }

  #complete(leader: SimNode, index: number): void {
    const { visible } = leader.disk
    if (this.#of(leader).newLeader || visible.base.index > index) return
    const same = visible.chain(index) === this.#committed[index]
    check(same, 'leaders hold every committed entry', () => `node ${leader.id} lacks ${index}`)
  }

  /** Compares a node's log with what is known to be committed, and learns what is new. */
  #commit(node: SimNode, index: number): void {
    const { visible } = node.disk
    const known = Math.min(index, this.maxCommitted)
    const chain = visible.chain(known)
    if (chain !== null) {
      const same = chain === this.#committed[known]
      check(same, 'committed entries never change', () => `node ${node.id}, ${known}`)
    }
    for (let next = this.maxCommitted + 1; next <= index; next++) {
      const added = visible.chain(next)
      check(added !== null, 'commit index <= last index', () => `node ${node.id}: ${next}`)
      this.#committed.push(added)
      this.#committedIn.push(node.running.term)
    }
  }

  /** A Ready was taken; its entries are visible now. */
  ready(node: SimNode, ready: Ready<Message>): void {
    const seen = this.#of(node)
    const core = node.running
    const first = ready.entries[0]
    if (first !== undefined) {
      check(
        first.index > seen.commitIndex,
        'nothing committed is replaced',
        () => `node ${node.id} ${first.index}`,
      )
      for (const entry of ready.entries) this.#match(node, entry.index, entry.term)
    }
    seen.commitIndex = core.commitIndex
    this.#commit(node, core.commitIndex)
    if (seen.newLeader && core.role === 'leader') {
      seen.newLeader = false
      // Leaders of later terms may have committed more already: this one won late.
      let index = this.maxCommitted
      while (index > 0 && (this.#committedIn[index] as number) >= core.term) index--
      this.#complete(node, index)
    }
    const durable = node.disk.durable.lastIndex
    check(
      ready.applyTo <= Math.min(core.commitIndex, durable),
      'applies only what is durable here',
      () => `${ready.applyTo}`,
    )
    this.#configurations(node, core.commitIndex)
    for (const message of ready.messages) this.#message(node, message)
    if (core.role === 'leader') this.#progress(node)
  }

  #match(node: SimNode, index: number, term: number): void {
    const chain = node.disk.visible.chain(index) as number
    const key = index * TERMS + term
    const before = this.#chains.get(key) ?? chain
    check(before === chain, 'log matching', () => `node ${node.id} at ${index}, term ${term}`)
    this.#chains.set(key, chain)
  }

  #configurations(node: SimNode, commitIndex: number): void {
    const { visible } = node.disk
    let pending = 0
    for (let index = Math.max(commitIndex, visible.base.index) + 1; index <= visible.lastIndex; index++) {
      if (visible.entry(index)?.kind === EntryKind.config) pending++
    }
    check(pending <= 1, 'at most one configuration is uncommitted', () => `node ${node.id} has ${pending}`)
  }

  /** No message leaves that should have waited for the disk. */
  #message(node: SimNode, message: Message): void {
    const { hardState, durable } = node.disk
    const { kind, term, to } = message
    if (kind === 'voteResponse' && !message.reject) {
      const voted = hardState.term > term || (hardState.term === term && hardState.votedFor === to)
      check(voted, 'a vote is durable before it leaves', () => `node ${node.id} for ${to} in term ${term}`)
      this.#vote(node.id, term, to)
    } else if (kind === 'appendResponse' && !message.reject) {
      check(
        hardState.term >= term,
        'a term is durable before it is promised',
        () => `node ${node.id}: ${term}`,
      )
      const holds = hardState.term > term || durable.lastIndex >= message.index
      check(holds, 'an acknowledged entry is durable', () => `node ${node.id}: ${message.index}`)
    } else if (kind === 'appendEntries') {
      const before = this.#appenderOfTerm.get(term) ?? node.id
      check(before === node.id, 'one appender per term', () => `${before} and ${node.id} in term ${term}`)
      this.#appenderOfTerm.set(term, node.id)
    }
  }

  #progress(node: SimNode): void {
    const { limits } = node.params
    for (const { peer, match, next, inflightMessages, inflightBytes } of node.running.status().progress) {
      check(match < next, 'match < next', () => `node ${node.id} of ${peer}: ${match}, ${next}`)
      check(
        inflightMessages <= limits.inflightMessages,
        'inflight messages are bounded',
        () => `${inflightMessages}`,
      )
      const bytesMax = limits.inflightBytes + 70_000
      check(
        inflightBytes >= 0 && inflightBytes <= bytesMax,
        'inflight bytes are bounded',
        () => `${inflightBytes}`,
      )
      const disk = this.#nodes.get(peer)?.disk
      const chain = node.disk.visible.chain(match)
      // A leader of a later term may have replaced what this one was promised.
      if (disk === undefined || match === 0 || chain === null || disk.hardState.term > node.running.term)
        continue
      check(
        this.#holds(peer, match, chain),
        'match is durable there',
        () => `${peer} at ${match}, leader ${node.id}`,
      )
    }
  }

  /** The state machine of `node` ran the entry at `index`. */
  applied(node: SimNode, index: number, chain: number): void {
    const seen = this.#of(node)
    check(index === seen.appliedIndex + 1, 'entries are applied in order', () => `node ${node.id}: ${index}`)
    seen.appliedIndex = index
    check(index <= node.running.commitIndex, 'applied <= commit index', () => `node ${node.id}: ${index}`)
    check(index <= node.disk.durable.lastIndex, 'applied <= durable log', () => `node ${node.id}: ${index}`)
    check(chain === this.#committed[index], 'state machines agree', () => `node ${node.id} at ${index}`)
  }

  /** A node that counted by a configuration still knows after a crash that it is committed. */
  reconfigured(node: SimNode, index: number, conf: ConfState): void {
    const durable = Math.max(node.disk.hardState.commitIndex, node.disk.manifest.index)
    check(
      durable >= index,
      'an applied configuration is durably committed',
      () => `node ${node.id}: ${index}`,
    )
    this.configured(node, index, conf)
  }

  /** The configuration in force on `node` after applying `index`. */
  configured(node: SimNode, index: number, conf: ConfState): void {
    const text = JSON.stringify(conf)
    const before = this.#confs.get(index) ?? text
    check(
      before === text,
      'configurations agree',
      () => `node ${node.id} at ${index}: ${text}, not ${before}`,
    )
    this.#confs.set(index, text)
    for (const peer of allPeers(conf)) {
      const member = this.#nodes.get(peer)
      if (member !== undefined) member.joined = true
    }
  }

  /** A snapshot replaced the log and the state of `node`. */
  installed(node: SimNode): void {
    const seen = this.#of(node)
    const { index, chain, conf } = node.disk.manifest
    check(chain === this.#committed[index], 'a snapshot equals the log it stands for', () => `${index}`)
    check(index >= seen.appliedIndex, 'applied never falls', () => `node ${node.id}: ${index}`)
    seen.appliedIndex = index
    seen.commitIndex = Math.max(seen.commitIndex, index)
    this.configuredBySnapshot(node, index, conf)
  }

  /** A snapshot carries the configuration of its index: that of the last change at or before it. */
  configuredBySnapshot(node: SimNode, index: number, conf: ConfState): void {
    let last = -1
    for (const at of this.#confs.keys()) if (at <= index && at > last) last = at
    if (last >= 0) this.configured(node, last, conf)
  }

  readAsked(node: SimNode, position: number): void {
    this.#reads.set(`${node.id}/${node.generation}/${position}`, this.maxCommitted)
  }

  /** R3: the answer covers everything that was committed anywhere when the read was asked for. */
  readAnswered(node: SimNode, position: number, index: number): void {
    const key = `${node.id}/${node.generation}/${position}`
    const required = this.#reads.get(key)
    check(required !== undefined, 'a read is answered once', () => `node ${node.id}, position ${position}`)
    this.#reads.delete(key)
    this.reads++
    check(
      index >= required,
      'reads see every earlier commit',
      () => `node ${node.id}: ${index} of ${required}`,
    )
  }

  /** Everyone in the configuration of `leader` has applied its whole log. */
  converged(leader: SimNode): boolean {
    const core = leader.running
    if (core.confState.votersOutgoing.length > 0 || core.commitIndex !== core.lastIndex) return false
    return allPeers(core.confState).every((peer) => {
      const node = this.#nodes.get(peer)
      return node?.core != null && node.core.appliedIndex === core.lastIndex
    })
  }
}
