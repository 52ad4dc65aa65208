/**
 * Who is in a cluster: names, incarnations, addresses and the Raft peer ids made from them. Carried by configuration
 * entries, the manifest and hellos.
 */
import { crc32 } from '../lib/crc32.ts'

/** A Raft peer: a hash of (name, incarnation), 1 .. 2^48. A wiped node is another peer (R8). */
export type PeerId = number

export interface Member {
  readonly peerId: PeerId
  /** The operator's name of the node, e.g. 'node1': 1-64 of A-Z a-z 0-9 . _ - */
  readonly name: string
  /** 16 random bytes as hex, made and synced when a data folder is first used. */
  readonly incarnation: string
  /** host:port where other nodes reach its peer door. */
  readonly peerAddress: string
}

/** The peer id of (name, incarnation): 48 bits made of two checksums; never 0. */
export function peerIdOf(name: string, incarnation: string): PeerId {
  const bytes = Buffer.from(`${name}\0${incarnation}`)
  const id = (crc32(bytes, 0x6b766f72) % 2 ** 16) * 2 ** 32 + crc32(bytes)
  return id === 0 ? 1 : id
}
