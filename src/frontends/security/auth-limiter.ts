/**
 * How often one address may give a wrong password (R20): a bucket of tokens per address, of which each wrong password
 * takes one. Without a token no password of that address is looked at, so that guessing is slow however many
 * connections it uses; other addresses do not notice. A right password costs nothing.
 */
import { isIPv6 } from 'node:net'
import { limits } from '../../protocol/limits.ts'

/** Wrong passwords that are taken at once, and how many more per second. */
const BURST = 20
const PER_SECOND = 5
const IPV6_GROUPS = 8
/** The half of an IPv6 address that says which network: who has one address there has all. */
const NETWORK_GROUPS = 4

interface Bucket {
  tokens: number
  /** Monotonic ms of the last look. */
  atMs: number
}

export class AuthLimiter {
  /** By address, the one that is quiet for longest first. */
  readonly #buckets = new Map<string, Bucket>()

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** May this address try a password now? */
  allows(address: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(networkOf(address))
    return bucket === undefined || tokensOf(bucket, nowMs) >= 1
  }

  /** A password of this address was wrong. */
  failed(address: string, nowMs: number): void {
    const key = networkOf(address)
    const bucket = this.#buckets.get(key)
    const tokens = bucket === undefined ? BURST : tokensOf(bucket, nowMs)
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: Math.max(0, tokens - 1), atMs: nowMs })
    if (this.#buckets.size <= limits.authAddresses) return
    for (const oldest of this.#buckets.keys()) return void this.#buckets.delete(oldest)
  }
}

function tokensOf(bucket: Bucket, nowMs: number): number {
  return Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * PER_SECOND)
}

/** An IPv4 address as it is; of an IPv6 address the network. */
function networkOf(address: string): string {
  const bare = (address.split('%')[0] as string).replace(/^::ffff:(?=\d+\.)/, '')
  if (!isIPv6(bare)) return bare
  const [head = '', tail] = bare.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: IPV6_GROUPS - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].slice(0, NETWORK_GROUPS).join(':')
}
