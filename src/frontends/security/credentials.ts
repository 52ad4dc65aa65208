/**
 * R19: who may talk. The password that clients must give, and during a rotation the one before it; both can change
 * while the node runs: connections that have authenticated stay, everyone else is asked for the present ones.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { AuthLimiter } from './auth-limiter.ts'

/** `later`: this address gave too many wrong ones, and this one was not looked at. */
export type PasswordCheck = 'right' | 'wrong' | 'later'

const DEFAULT_USER = 'default'

export class Credentials {
  readonly #clock: Clock
  readonly #limiter = new AuthLimiter()
  #hashes: readonly Buffer[] = []

  constructor(clock: Clock, password: string, previous: string) {
    this.#clock = clock
    this.change(password, previous)
  }

  /** '' = none. Without a password everyone is the user 'default', whatever `previous` says. */
  change(password: string, previous: string): void {
    const accepted = password === '' ? [] : [password, previous].filter((text) => text !== '')
    this.#hashes = accepted.map(sha256)
  }

  get hasPassword(): boolean {
    return this.#hashes.length > 0
  }

  /** Compares in constant time, whatever the lengths. `address`: who tries, without a port. */
  check(address: string, user: Buffer | string, password: Buffer): PasswordCheck {
    const nowMs = this.#clock.monotonicMs()
    if (!this.#limiter.allows(address, nowMs)) return 'later'
    const given = sha256(password)
    let isMatch = this.#hashes.length === 0
    for (const hash of this.#hashes) if (timingSafeEqual(given, hash)) isMatch = true
    if (isMatch && user.toString() === DEFAULT_USER) return 'right'
    this.#limiter.failed(address, nowMs)
    return 'wrong'
  }
}

function sha256(text: Buffer | string): Buffer {
  return createHash('sha256').update(text).digest()
}
