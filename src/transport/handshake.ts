/**
 * The four frames that make a connection trusted (R8, R19), as a step machine for either side:
 *
 *   dialler  -- hello(nonce) -->    acceptor
 *            <-- welcome(nonce) --
 *            -- proof -->                     the acceptor trusts from here
 *            <-- proof --                     the dialler trusts from here
 *
 * A proof is HMAC-SHA256(secret, side || length of hello || hello || welcome): it binds both nonces,
 * identities, cluster ids and version ranges, and neither side's proof can be played back as the other's. The
 * dialler proves first, so that someone who merely reaches the peer port gets no material to guess the secret
 * from. Without a secret proofs are empty. While the secret is being changed a node has two: it proves both, one
 * behind the other, and takes a proof of either, so that nodes that were told the new one at different times go
 * together.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { must } from '../lib/assert.ts'
import { writeU32 } from '../lib/bytes.ts'
import { LinkFrame } from './frame.ts'
import { decodeHello, encodeHello, type Hello } from './hello.ts'

export type Side = 'dialled' | 'accepted'

export type HandshakeStep =
  | { readonly kind: 'send'; readonly type: number; readonly payload: Buffer; readonly trusted: boolean }
  | { readonly kind: 'trusted' }
  /** This side refuses; the reason is for the other side and for the log. */
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'refusedByPeer'; readonly reason: string }

export interface HandshakeOptions {
  readonly side: Side
  /** What this node says; its nonce is fresh. */
  readonly own: Hello
  /** The cluster secret, and while it changes the one before it; none = no proofs. */
  readonly secrets: readonly string[]
  /** Why the other side is not welcome, or null. */
  readonly check: (remote: Hello) => string | null
}

export class Handshake {
  readonly #options: HandshakeOptions
  #own: Buffer
  #remoteBytes: Buffer | null = null
  #remote: Hello | null = null

  constructor(options: HandshakeOptions) {
    this.#options = options
    this.#own = encodeHello(options.own)
  }

  /** The other side; known once trusted. */
  get remote(): Hello {
    return must(this.#remote, 'hello of the other side')
  }

  /** The payload of the hello that a dialler begins with. */
  get hello(): Buffer {
    return this.#own
  }

  receive(type: number, payload: Buffer): HandshakeStep {
    if (type === LinkFrame.refused) return { kind: 'refusedByPeer', reason: printable(payload) }
    const awaited = this.#options.side === 'dialled' ? LinkFrame.welcome : LinkFrame.hello
    if (type === awaited && this.#remote === null) return this.#receiveHello(payload)
    if (type === LinkFrame.proof && this.#remote !== null) return this.#receiveProof(payload)
    return { kind: 'refuse', reason: `unexpected frame ${type} during the handshake` }
  }

  #receiveHello(payload: Buffer): HandshakeStep {
    const { side, check } = this.#options
    const remote = decodeHello(payload)
    if (typeof remote === 'string') return { kind: 'refuse', reason: remote }
    const reason = check(remote)
    if (reason !== null) return { kind: 'refuse', reason }
    // A copy: the view would keep the whole received chunk.
    this.#remoteBytes = Buffer.from(payload)
    this.#remote = { ...remote, nonce: Buffer.from(remote.nonce) }
    if (side === 'dialled')
      return { kind: 'send', type: LinkFrame.proof, payload: this.#proof(side), trusted: false }
    this.#own = encodeHello({ ...this.#options.own, lane: remote.lane })
    return { kind: 'send', type: LinkFrame.welcome, payload: this.#own, trusted: false }
  }

  #receiveProof(payload: Buffer): HandshakeStep {
    const { side } = this.#options
    if (!this.#isProven(payload, side === 'dialled' ? 'accepted' : 'dialled')) {
      return { kind: 'refuse', reason: 'the cluster secret does not match' }
    }
    if (side === 'dialled') return { kind: 'trusted' }
    return { kind: 'send', type: LinkFrame.proof, payload: this.#proof(side), trusted: true }
  }

  /** Does any of the proofs show any of the secrets? */
  #isProven(payload: Buffer, prover: Side): boolean {
    const { secrets } = this.#options
    if (secrets.length === 0) return payload.length === 0
    if (payload.length % PROOF_SIZE !== 0 || payload.length > PROOFS_MAX * PROOF_SIZE) return false
    let isProven = false
    for (const secret of secrets) {
      const expected = this.#proofOf(secret, prover)
      for (let at = 0; at < payload.length; at += PROOF_SIZE) {
        if (timingSafeEqual(payload.subarray(at, at + PROOF_SIZE), expected)) isProven = true
      }
    }
    return isProven
  }

  /** What the given side owes: a proof of each of its secrets. */
  #proof(prover: Side): Buffer {
    return Buffer.concat(this.#options.secrets.map((secret) => this.#proofOf(secret, prover)))
  }

  #proofOf(secret: string, prover: Side): Buffer {
    const remote = must(this.#remoteBytes, 'hello of the other side')
    const [hello, welcome] = this.#options.side === 'dialled' ? [this.#own, remote] : [remote, this.#own]
    const length = Buffer.alloc(4)
    writeU32(length, 0, hello.length)
    return createHmac('sha256', secret)
      .update(`kvorum ${prover}\0`)
      .update(length)
      .update(hello)
      .update(welcome)
      .digest()
  }
}

const REASON_LENGTH_MAX = 300
const PROOF_SIZE = 32
const PROOFS_MAX = 2

/** A reason that a stranger sent, fit for a log. */
function printable(payload: Buffer): string {
  const text = payload.toString('latin1', 0, REASON_LENGTH_MAX)
  return text.replace(/[^ -~]/g, '?')
}
