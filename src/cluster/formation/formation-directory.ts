/**
 * Learns whose addresses an operator listed, when only addresses are known (R8): names come from the handshakes, and
 * the nodes tell each other under which addresses they know whom. The result is a list as --cluster would give it, the
 * same on every node; formation.ts takes it from there, so nothing here decides what is safe. Pure.
 */
import type { ListedNode } from './formation-record.ts'
import { sortedByName } from './formation-record.ts'

export class FormationDirectory {
  readonly self: string
  /** As the operator gave them. */
  readonly addresses: readonly string[]
  /** Where the list has this node, as far as that is known. */
  readonly #own = new Set<string>()
  /** By address: the node that answered there last. */
  readonly #names = new Map<string, string>()
  /** By name: whom that node knows where, itself included. */
  readonly #views = new Map<string, readonly ListedNode[]>()

  /** `ownAddress`: the listed address that is this node's for sure, or ''. */
  constructor(self: string, addresses: readonly string[], ownAddress: string) {
    this.self = self
    if (ownAddress !== '') this.#own.add(ownAddress)
    this.addresses = [...new Set(addresses)]
  }

  /** What the transport found at `address`. A node that is gone for the moment is still expected there. */
  note(address: string, answer: { readonly name: string } | 'self' | null): void {
    if (answer === 'self') this.#own.add(address)
    else if (answer !== null) this.#names.set(address, answer.name)
  }

  /** What another node said: its whole view, or nothing yet. */
  receive(from: string, view: readonly ListedNode[]): void {
    if (view.length > 0 && this.isExpected(from)) this.#views.set(from, view)
  }

  /** A node of this name answered at a listed address. */
  isExpected(name: string): boolean {
    for (const known of this.#names.values()) if (known === name) return true
    return false
  }

  /** The addresses that are not this node's own. */
  toDial(): readonly string[] {
    return this.addresses.filter((address) => !this.#own.has(address))
  }

  /** Addresses where nobody answered so far. */
  unanswered(): readonly string[] {
    return this.toDial().filter((address) => !this.#names.has(address))
  }

  /**
   * This node's own view once every address has answered, sorted by name, this node included (its address is '' when it
   * does not know it); empty before.
   */
  view(): readonly ListedNode[] {
    if (this.unanswered().length > 0) return []
    const byName = new Map<string, string>([[this.self, [...this.#own].reduce(least, '')]])
    for (const address of this.toDial()) {
      const name = this.#names.get(address) as string
      byName.set(name, least(byName.get(name) ?? '', address))
    }
    return sortedByName([...byName].map(([name, address]) => ({ name, address })))
  }

  /** Expected nodes whose view names other nodes than this one's; empty while this one's is incomplete. */
  disagreeing(): readonly string[] {
    const own = namesOf(this.view())
    if (own === '') return []
    return [...this.#views].filter(([, view]) => namesOf(view) !== own).map(([name]) => name)
  }

  /** Expected nodes that have not told their view; empty while this one's is incomplete. */
  silent(): readonly string[] {
    return this.view()
      .map(({ name }) => name)
      .filter((name) => name !== this.self && !this.#views.has(name))
  }

  /**
   * The list on which all its nodes agree, or null while a view is missing or names other nodes. A node's address is
   * the one that it knows itself under, else the least of those under which the others know it: all nodes compute the
   * same.
   */
  list(): readonly ListedNode[] | null {
    const view = this.view()
    const views = [view]
    for (const { name } of view) {
      if (name === this.self) continue
      const theirs = this.#views.get(name)
      if (theirs === undefined || namesOf(theirs) !== namesOf(view)) return null
      views.push(theirs)
    }
    const list = view.map(({ name }) => ({ name, address: this.#addressOf(name, views) }))
    return view.length === 0 || list.some(({ address }) => address === '') ? null : list
  }

  #addressOf(name: string, views: readonly (readonly ListedNode[])[]): string {
    const own = name === this.self ? views[0] : this.#views.get(name)
    const declared = addressIn(own ?? [], name)
    if (declared !== '') return declared
    return views.map((view) => addressIn(view, name)).reduce(least, '')
  }
}

/** For a list whose names are ''; null for any other. The address of `self` may be in the list. */
export function directoryOf(
  self: { readonly name: string; readonly peerAddress: string },
  listed: readonly ListedNode[],
): FormationDirectory | null {
  const addresses = listed.filter(({ name }) => name === '').map(({ address }) => address)
  if (addresses.length === 0) return null
  return new FormationDirectory(
    self.name,
    addresses,
    addresses.includes(self.peerAddress) ? self.peerAddress : '',
  )
}

/** The lesser text; '' stands for none. */
function least(a: string, b: string): string {
  if (a === '' || b === '') return a === '' ? b : a
  return a < b ? a : b
}

function addressIn(view: readonly ListedNode[], name: string): string {
  return view.find((node) => node.name === name)?.address ?? ''
}

/** For comparison; names hold no commas. */
function namesOf(view: readonly ListedNode[]): string {
  return view.map(({ name }) => name).join(',')
}
