/**
 * What the answers of one kind hold of a node's memory (R20). Each holds a claim, from before it is made until its
 * client has taken it or is gone, and gives it back exactly once. Who finds no room waits in turn, for a while;
 * meanwhile answers whose clients take nothing are cut off, so that nobody can keep the others out.
 */
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../../lib/clock.ts'
import { limits } from '../../../protocol/limits.ts'
import { whenOver } from './when-over.ts'

/** While there is little room, clients are looked at so often. */
export const LOOK_MS = 250
/** One that took nothing between so many looks may be cut off. No time: a busy node stalls its clients itself. */
export const STALLED_LOOKS = 16

/** What waits for room. */
export interface Waiter {
  readonly bytes: number
  /** Called once, when there is room for them. */
  readonly go: () => void
}

/** What one answer holds. */
export class Claim {
  readonly #share: AnswerShare
  readonly #response: ServerResponse
  #bytes = 0
  #isOver = false
  /** The look before something was last sent to the client; NaN when nothing was. */
  #sentLook = Number.NaN

  constructor(share: AnswerShare, response: ServerResponse) {
    this.#share = share
    this.#response = response
  }

  get bytes(): number {
    return this.#bytes
  }

  /** From now on it counts for `bytes`, whether there is room or not; for nothing once the answer is over. */
  resize(bytes: number): void {
    if (this.#isOver) return
    const added = bytes - this.#bytes
    this.#bytes = bytes
    this.#share.changed(added)
  }

  /** The client is sent some of the answer, having taken what came before. */
  sent(): void {
    this.#sentLook = this.#share.looks
    this.#share.keepInOrder(this)
  }

  get isStalled(): boolean {
    return this.#bytes > 0 && this.#share.looks - this.#sentLook >= STALLED_LOOKS
  }

  /** Ends the connection of a client that keeps others waiting. */
  cut(): void {
    this.release()
    // Not destroy() of the response: one that waits behind another (pipelining) would stay, with all it holds.
    this.#response.req.socket.destroy()
  }

  /** Idempotent. */
  release(): void {
    if (this.#isOver) return
    this.#isOver = true
    const bytes = this.#bytes
    this.#bytes = 0
    this.#share.forget(this, bytes)
  }
}

export class AnswerShare {
  readonly #clock: Clock
  readonly #bytesMax: number
  /** Those that were sent something longest ago come first. */
  readonly #claims = new Set<Claim>()
  readonly #waiting = new Set<Waiter>()
  #looking: Timer | null = null
  #looks = 0
  /** What becomes free is for whom it is made. */
  #isCutting = false
  #bytes = 0

  constructor(clock: Clock, bytesMax: number) {
    this.#clock = clock
    this.#bytesMax = bytesMax
  }

  /** Of all claims together. */
  get bytes(): number {
    return this.#bytes
  }

  /** Answers that wait for room. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** How often clients have been looked at. */
  get looks(): number {
    return this.#looks
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax
  }

  /** A claim for nothing yet; it ends with the response at the latest. */
  open(response: ServerResponse): Claim {
    const claim = new Claim(this, response)
    this.#claims.add(claim)
    whenOver(response, () => claim.release())
    return claim
  }

  /** Room for `bytes` now, or null. `overdraft`: so much more than there is may be taken. */
  claim(response: ServerResponse, bytes: number, overdraft = 0): Claim | null {
    if (!this.makeRoom(bytes - overdraft)) return null
    const claim = this.open(response)
    claim.resize(bytes)
    return claim
  }

  /**
   * Room for `bytes` before they are made, waiting for it up to `waitMs`. `done` gets null when there is none by then;
   * it is not called at all when the response is over.
   */
  reserve(
    response: ServerResponse,
    bytes: number,
    waitMs: number,
    done: (claim: Claim | null) => void,
  ): void {
    const claim = this.#waiting.size === 0 ? this.claim(response, bytes) : null
    if (claim !== null) return done(claim)
    if (this.#waiting.size >= limits.httpWaitingAnswers) return done(null)
    this.#queue(response, bytes, waitMs, done)
  }

  #queue(response: ServerResponse, bytes: number, waitMs: number, done: (claim: Claim | null) => void): void {
    let isOver = false
    const end = (): boolean => {
      const isFirst = !isOver
      isOver = true
      timer.cancel()
      this.leave(waiter)
      return isFirst
    }
    const go = (): void => {
      if (end()) done(this.claim(response, bytes))
    }
    const waiter: Waiter = { bytes, go }
    const timer = this.#clock.setTimer(waitMs, () => {
      if (end()) done(null)
    })
    this.wait(waiter)
    whenOver(response, end)
  }

  /** Its `go` is called when there is room; those that came first go first. */
  wait(waiter: Waiter): void {
    this.#waiting.add(waiter)
    this.#keepLooking()
  }

  leave(waiter: Waiter): void {
    this.#waiting.delete(waiter)
  }

  /** Is there room for so much more, maybe when those that stall are gone? One alone always has room. */
  makeRoom(bytes: number): boolean {
    if (this.#fits(bytes)) return true
    this.#isCutting = true
    for (const claim of this.#claims) {
      if (claim.isStalled) claim.cut()
      if (this.#fits(bytes)) break
    }
    this.#isCutting = false
    return this.#fits(bytes)
  }

  /** For claims alone. */
  changed(added: number): void {
    this.#bytes += added
    if (added > 0) this.#keepLooking()
    else if (!this.#isCutting) this.#serve()
  }

  /** For claims alone. */
  keepInOrder(claim: Claim): void {
    if (this.#claims.delete(claim)) this.#claims.add(claim)
  }

  /** For claims alone. */
  forget(claim: Claim, bytes: number): void {
    this.#claims.delete(claim)
    this.changed(-bytes)
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.bytes)) return
      this.#waiting.delete(waiter)
      waiter.go()
    }
  }

  #keepLooking(): void {
    const isNeeded = this.#waiting.size > 0 || this.#bytes > this.#bytesMax / 2
    if (isNeeded) this.#looking ??= this.#clock.setTimer(LOOK_MS, () => this.#look())
  }

  /** Clients stall without telling. */
  #look(): void {
    this.#looking = null
    this.#looks++
    const [first] = this.#waiting
    if (first !== undefined) {
      this.makeRoom(first.bytes)
      this.#serve()
    }
    this.#keepLooking()
  }
}
