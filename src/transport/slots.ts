/**
 * The addresses that this node keeps connections to: one dialler per lane each, and who was found there.
 */
import type { PeerId } from '../protocol/members.ts'
import { parseAddress } from './address.ts'
import { Dialler, type DiallerOptions } from './dialler.ts'
import type { Link } from './link.ts'
import type { Connection } from './network.ts'
import type { Lane } from './types.ts'

export interface Slot {
  /** Who is expected there; '' when anyone may be. */
  name: string
  /** Who was found there last, by lane. */
  readonly found: Record<Lane, PeerId | null>
  /** This very node answered there. */
  isSelf: boolean
  readonly diallers: Readonly<Record<Lane, Dialler>>
}

export interface SlotsOptions extends Pick<DiallerOptions, 'network' | 'clock' | 'random'> {
  /** Starts the handshake on a connection that was dialled. */
  readonly begin: (connection: Connection, lane: Lane, slot: Slot) => Link
  readonly onInvalid: (address: string) => void
}

export class Slots {
  readonly #options: SlotsOptions
  /** By address as it was given. */
  readonly #slots = new Map<string, Slot>()
  readonly #dialled = new Map<Link, { slot: Slot; dialler: Dialler }>()

  constructor(options: SlotsOptions) {
    this.#options = options
  }

  /** Replaces the set: new addresses are dialled at once, the links to those that are gone are dismissed. */
  replace(peers: readonly { name: string; address: string }[]): void {
    const wanted = new Map(peers.map((peer) => [peer.address, peer.name]))
    for (const [address, slot] of this.#slots) {
      if (wanted.has(address)) continue
      this.#slots.delete(address)
      stop(slot)
    }
    for (const [address, name] of wanted) {
      const slot = this.#slots.get(address)
      if (slot === undefined) this.#add(name, address)
      else slot.name = name
    }
  }

  /** Hosts at which `name` is, or may be. */
  hostsOf(name: string): string[] {
    const here = [...this.#slots].filter(([, slot]) => slot.name === name || slot.name === '')
    return [...new Set(here.flatMap(([address]) => parseAddress(address)?.host ?? []))]
  }

  /** The link of `lane` to `address`, trusted or not; null while there is none. */
  link(address: string, lane: Lane): Link | null {
    return this.#slots.get(address)?.diallers[lane].link ?? null
  }

  /** This very node was found at the address. */
  isSelf(address: string): boolean {
    return this.#slots.get(address)?.isSelf ?? false
  }

  /** The slot through which `link` was dialled; null for an accepted one. */
  slotOf(link: Link): Slot | null {
    return this.#dialled.get(link)?.slot ?? null
  }

  /** A dialled link became trusted: `peerId` is at its address. */
  found(link: Link, peerId: PeerId): void {
    const from = this.#dialled.get(link)
    if (from === undefined) return
    from.dialler.trusted()
    from.slot.found[link.lane] = peerId
  }

  closed(link: Link): void {
    this.#dialled.get(link)?.dialler.closed(link.isRefused)
    this.#dialled.delete(link)
  }

  /** Whether `peerId` was the last to be found by dialling on `lane`. */
  hasFound(peerId: PeerId, lane: Lane): boolean {
    for (const slot of this.#slots.values()) if (slot.found[lane] === peerId) return true
    return false
  }

  /** The peer showed that it can be reached: what waits to dial it, or may be about to, dials now. */
  hurry(peer: { name: string; peerId: PeerId }): void {
    for (const slot of this.#slots.values()) {
      const isHere = slot.name === peer.name || slot.name === '' || slot.found.control === peer.peerId
      if (isHere) hurry(slot)
    }
  }

  hurryAll(): void {
    for (const slot of this.#slots.values()) hurry(slot)
  }

  stop(): void {
    for (const slot of this.#slots.values()) stop(slot)
  }

  #add(name: string, text: string): void {
    const address = parseAddress(text)
    if (address === null) return this.#options.onInvalid(text)
    const { network, clock, random, begin } = this.#options
    const dial = (lane: Lane): Dialler => {
      const dialler: Dialler = new Dialler({
        network,
        clock,
        random,
        address,
        begin: (connection) => {
          const link = begin(connection, lane, slot)
          this.#dialled.set(link, { slot, dialler })
          return link
        },
      })
      return dialler
    }
    const diallers = { control: dial('control'), bulk: dial('bulk') }
    const slot: Slot = { name, found: { control: null, bulk: null }, isSelf: false, diallers }
    this.#slots.set(text, slot)
  }
}

function hurry(slot: Slot): void {
  slot.diallers.control.hurry()
  slot.diallers.bulk.hurry()
}

function stop(slot: Slot): void {
  slot.diallers.control.stop()
  slot.diallers.bulk.stop()
}
