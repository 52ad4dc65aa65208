/**
 * R7 on the leader: raises the engine level of the group, by a committed entry, as soon as every member (voters and
 * learners) says in its hello that its program executes a higher one. A member that is not connected might be started
 * as an older program next, so it holds the level back, and so does a configuration change under way.
 *
 * The payload of a `level` entry: u32 level.
 */
import { readU32, writeU32 } from '../../lib/bytes.ts'
import type { PeerId } from '../../protocol/members.ts'
import type { PeerInfo, Transport } from '../../transport/types.ts'
import type { Configuration } from '../members/configuration.ts'

const INTERVAL_MS = 100

export function encodeLevel(level: number): Buffer {
  const out = Buffer.alloc(4)
  writeU32(out, 0, level)
  return out
}

export function decodeLevel(payload: Buffer): number {
  return readU32(payload, 0)
}

/** What the program of a connected peer says that it executes; null while it is not connected. */
export function levelOf(transport: Pick<Transport, 'peers'>, peer: PeerId): number | null {
  return transport.peers().find(({ info }) => info.peerId === peer)?.info.engineLevel ?? null
}

/** Why a peer's program cannot take part in a cluster at `level`, with the remedy; null when it can. */
export function olderProgram({ name, engineLevel }: PeerInfo, level: number): string | null {
  if (engineLevel >= level) return null
  const what = `${name} runs a version of kvorum that knows engine level ${engineLevel}, the cluster is at ${level}`
  return `${what}: start ${name} with the version of the other nodes`
}

export interface EngineLevelsOptions {
  readonly self: PeerId
  /** What this node's program executes. */
  readonly levelMax: number
  readonly configuration: Configuration
  readonly reign: { readonly leading: boolean; readonly level: number; proposeLevel(level: number): void }
  /** A configuration entry is not applied yet: members may come that are not counted. */
  readonly confPending: () => boolean
  /** What a member's program executes, by its hello; null while it is not connected. */
  readonly levelOf: (peer: PeerId) => number | null
}

export class EngineLevels {
  readonly #options: EngineLevelsOptions
  #nextMs = 0

  constructor(options: EngineLevelsOptions) {
    this.#options = options
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + INTERVAL_MS
    this.consider()
  }

  /** On the leader: proposes the highest level that all members know, when it is above the present one. */
  consider(): void {
    const { levelMax, reign, confPending } = this.#options
    if (!reign.leading || reign.level >= levelMax || confPending()) return
    reign.proposeLevel(this.#commonLevel())
  }

  #commonLevel(): number {
    const { self, levelMax, configuration, levelOf } = this.#options
    let common = levelMax
    for (const { peerId } of configuration.members) {
      if (peerId !== self) common = Math.min(common, levelOf(peerId) ?? 0)
    }
    return common
  }
}
