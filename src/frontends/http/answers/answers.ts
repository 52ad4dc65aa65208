/**
 * The memory that HTTP answers may take at one node (R20), in two shares: small answers are served however many large
 * ones lie untaken. The smallest are not counted: connections are few enough for them.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../../lib/clock.ts'
import type { DoorsConfig } from '../../config.ts'
import { AnswerShare, type Claim } from './answer-share.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { PieceTurns } from './piece-turns.ts'

/** Answers below this size are not counted. */
const COUNTED_BYTES = 16 * 1024
/** From this size on they count as large, and are sent piece by piece. */
export const LARGE_BYTES = 256 * 1024

type ShareSizes = Pick<DoorsConfig, 'httpReplyBytes' | 'httpSmallReplyBytes'>

/** What a page takes at most, as a rule, and a short one. */
export interface PageRoom {
  readonly bytes: number
  readonly shortBytes: number
}

export class Answers {
  /** Listings, watches, and what is large. */
  readonly large: AnswerShare
  readonly small: AnswerShare
  readonly #claims = new WeakMap<ServerResponse, Claim>()
  readonly turns: PieceTurns
  readonly manyValues: OneAtATime

  constructor(clock: Clock, { httpReplyBytes, httpSmallReplyBytes }: ShareSizes) {
    this.turns = new PieceTurns(clock)
    this.manyValues = new OneAtATime((run) => this.turns.add(run))
    this.large = new AnswerShare(clock, httpReplyBytes)
    this.small = new AnswerShare(clock, httpSmallReplyBytes)
  }

  /**
   * The answer is going to be made of `bytes` bytes, instead of what it was to be made of before. False: there is no
   * room. `overdraft`: what has taken effect already may take so much more.
   */
  admit(response: ServerResponse, bytes: number, overdraft = 0): boolean {
    this.#claims.get(response)?.release()
    if (bytes < COUNTED_BYTES) return true
    const share = bytes < LARGE_BYTES ? this.small : this.large
    const claim = share.claim(response, bytes, overdraft)
    if (claim !== null) this.#claims.set(response, claim)
    return claim !== null
  }

  /** Room for `bytes` of a large answer that is not made yet: AnswerShare.reserve(). */
  reserve(
    response: ServerResponse,
    bytes: number,
    waitMs: number,
    done: (claim: Claim | null) => void,
  ): void {
    this.large.reserve(response, bytes, waitMs, (claim) => {
      if (claim !== null) this.#claims.set(response, claim)
      done(claim)
    })
  }

  /**
   * The same for a page: while there is no room for all of `bytes`, a short one of `shortBytes` is made of the small
   * answers' share, so that nobody who takes nothing keeps the others from listing.
   */
  reservePage(
    response: ServerResponse,
    { bytes, shortBytes }: PageRoom,
    waitMs: number,
    done: (claim: Claim | null, isShort: boolean) => void,
  ): void {
    const whole = this.large.waiting === 0 ? this.large.claim(response, bytes) : null
    const claim = whole ?? this.small.claim(response, shortBytes)
    if (claim === null) return this.reserve(response, bytes, waitMs, (late) => done(late, false))
    this.#claims.set(response, claim)
    done(claim, whole === null)
  }

  /** Some of the answer goes out. */
  sent(response: ServerResponse): void {
    this.#claims.get(response)?.sent()
  }

  /** A whole answer goes out; false: it was not counted before, there is no room, and it may be refused. */
  send(response: ServerResponse, payload: unknown, isRefusable: boolean): boolean {
    const isWhole = typeof payload === 'string' || Buffer.isBuffer(payload)
    if (!isWhole || payload.length < COUNTED_BYTES) return true
    const overdraft = isRefusable ? 0 : payload.length
    if (!this.#claims.has(response) && !this.admit(response, payload.length, overdraft)) return !isRefusable
    this.sent(response)
    return true
  }
}
