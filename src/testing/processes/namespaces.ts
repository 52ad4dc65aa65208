/**
 * Hosts of their own for nodes: network namespaces joined by a bridge, which the test reaches as well. Hosts
 * can be cut off from each other, silently and in one direction too, while the test still reaches all of
 * them: their neighbour entries are made to point nowhere. Linux, iproute2 and root only.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Place } from './cluster.ts'

const run = promisify(execFile)
/** Of a host's traffic, as it sees it. */
export type Direction = 'both' | 'out' | 'in'

const NOWHERE = '02:00:00:00:00:01'

/** Whether this machine lets us: root, and `ip netns` works. */
export async function hasNamespaces(): Promise<boolean> {
  const name = `kvprobe${process.pid}`
  try {
    await run('ip', ['netns', 'add', name])
    await run('ip', ['netns', 'delete', name])
    return true
  } catch {
    return false
  }
}

export class Hosts {
  readonly places: readonly Place[]
  readonly #tag: string
  readonly #subnet: string

  private constructor(tag: string, subnet: string, places: readonly Place[]) {
    this.#tag = tag
    this.#subnet = subnet
    this.places = places
  }

  /** Makes `count` hosts on a subnet drawn at random. */
  static async open(count: number): Promise<Hosts> {
    const tag = `kv${process.pid}`
    const subnet = `10.${100 + Math.floor(Math.random() * 100)}.${Math.floor(Math.random() * 250)}`
    const places = Array.from({ length: count }, (_, i) => {
      return { host: `${subnet}.${11 + i}`, prefix: ['ip', 'netns', 'exec', `${tag}n${i}`] }
    })
    const hosts = new Hosts(tag, subnet, places)
    try {
      await hosts.#make(count)
    } catch (error) {
      await hosts.close()
      throw error
    }
    return hosts
  }

  /** Nothing that host `from` sends reaches host `to` any more. */
  async cutOneWay(from: number, to: number): Promise<void> {
    const address = `${this.#subnet}.${11 + to}`
    await this.#ip(
      '-n',
      `${this.#tag}n${from}`,
      'neigh',
      'replace',
      address,
      'lladdr',
      NOWHERE,
      'nud',
      'permanent',
      'dev',
      'eth0',
    )
  }

  /**
   * Cuts a host off from all others; the test still reaches it. out: what it sends is lost; in: what is sent to it.
   * Either ends the connections in time, because TCP hears of nothing that arrived.
   */
  async cutOff(host: number, direction: Direction = 'both'): Promise<void> {
    for (const other of this.#others(host)) {
      if (direction !== 'in') await this.cutOneWay(host, other)
      if (direction !== 'out') await this.cutOneWay(other, host)
    }
  }

  async heal(host: number): Promise<void> {
    for (const other of this.#others(host)) {
      for (const [from, to] of [
        [host, other],
        [other, host],
      ] as const) {
        const address = `${this.#subnet}.${11 + to}`
        // A direction that was not cut may have no entry.
        await this.#ip('-n', `${this.#tag}n${from}`, 'neigh', 'delete', address, 'dev', 'eth0').catch(
          () => {},
        )
      }
    }
  }

  /** Removes everything; processes in the namespaces must have ended. */
  async close(): Promise<void> {
    const names = [`${this.#tag}hub`, ...this.places.map((_, i) => `${this.#tag}n${i}`)]
    for (const name of names) await this.#ip('netns', 'delete', name).catch(() => {})
    await this.#ip('link', 'delete', `${this.#tag}h`).catch(() => {})
  }

  #others(host: number): number[] {
    return this.places.map((_, i) => i).filter((i) => i !== host)
  }

  async #make(count: number): Promise<void> {
    const hub = `${this.#tag}hub`
    await this.#ip('netns', 'add', hub)
    await this.#ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge')
    await this.#ip('-n', hub, 'link', 'set', 'br0', 'up')
    await this.#ip('link', 'add', `${this.#tag}h`, 'type', 'veth', 'peer', 'name', 'vhost', 'netns', hub)
    await this.#ip('-n', hub, 'link', 'set', 'vhost', 'master', 'br0', 'up')
    await this.#ip('addr', 'add', `${this.#subnet}.254/24`, 'dev', `${this.#tag}h`)
    await this.#ip('link', 'set', `${this.#tag}h`, 'up')
    for (let i = 0; i < count; i++) {
      const name = `${this.#tag}n${i}`
      await this.#ip('netns', 'add', name)
      await this.#ip('-n', hub, 'link', 'add', `v${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
      await this.#ip('-n', hub, 'link', 'set', `v${i}`, 'master', 'br0', 'up')
      await this.#ip('-n', name, 'addr', 'add', `${this.#subnet}.${11 + i}/24`, 'dev', 'eth0')
      await this.#ip('-n', name, 'link', 'set', 'eth0', 'up')
      await this.#ip('-n', name, 'link', 'set', 'lo', 'up')
    }
  }

  async #ip(...words: string[]): Promise<void> {
    await run('ip', words)
  }
}
