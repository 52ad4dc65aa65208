/**
 * Administration from any node (design 7): a request goes to the leader and its answer comes back; one number per
 * request, forgotten at the deadline.
 *
 *   admin       u32 number, JSON of the request
 *   adminReply  u32 number, error text (empty = done)
 */

import { readU32, writeU32 } from '../../lib/bytes.ts'
import type { Clock } from '../../lib/clock.ts'
import { parseJsonObject } from '../../lib/json.ts'
import type { PeerId } from '../../protocol/members.ts'
import type { AdminRequest } from '../execute.ts'

const DEADLINE_MS = 65_000
const LOST = 'the leader was lost before it answered; ask again: what is done already is found done'

export interface AdminDeskOptions {
  readonly clock: Clock
  readonly self: PeerId
  readonly leader: () => PeerId
  /** False when it surely did not leave. */
  readonly send: (to: PeerId, payload: Buffer) => boolean
  readonly reply: (to: PeerId, payload: Buffer) => void
  /** Carries the request out on the leader. */
  readonly perform: (request: AdminRequest, done: (error: string | null) => void) => void
}

interface Waiting {
  readonly leader: PeerId
  readonly done: (error: string | null) => void
}

export class AdminDesk {
  readonly #options: AdminDeskOptions
  readonly #waiting = new Map<number, Waiting>()
  #nextNumber = 1

  constructor(options: AdminDeskOptions) {
    this.#options = options
  }

  /** `done` gets null, or why it failed. */
  request(request: AdminRequest, done: (error: string | null) => void): void {
    const { leader, self, perform, send, clock } = this.#options
    const to = leader()
    if (to === 0) return done('no leader is known; try again')
    if (to === self) return perform(request, done)
    const number = this.#nextNumber++
    if (!send(to, frame(number, JSON.stringify(request))))
      return done('the leader cannot be reached; try again')
    const timer = clock.setTimer(DEADLINE_MS, () => this.#answer(number, 'the leader did not answer in time'))
    const answer = (error: string | null): void => {
      timer.cancel()
      done(error)
    }
    this.#waiting.set(number, { leader: to, done: answer })
  }

  /** The connection to `peer` broke: an answer of it may be lost with it. */
  connectionLost(peer: PeerId): void {
    const lost = [...this.#waiting].filter(([, { leader }]) => leader === peer)
    for (const [number] of lost) this.#answer(number, LOST)
  }

  /** Another node's request. */
  onRequest(from: PeerId, payload: Buffer): void {
    const request = parseJsonObject<AdminRequest>(payload.toString('utf8', 4)) as AdminRequest | null
    if (payload.length < 4 || request?.kind === undefined) return
    const number = readU32(payload, 0)
    const answer = (error: string | null): void => this.#options.reply(from, frame(number, error ?? ''))
    if (this.#options.leader() === this.#options.self) this.#options.perform(request, answer)
    else answer('that node does not lead any more; try again')
  }

  onReply(payload: Buffer): void {
    this.#answer(readU32(payload, 0), payload.length === 4 ? null : payload.toString('utf8', 4))
  }

  #answer(number: number, error: string | null): void {
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    waiting?.done(error)
  }
}

function frame(number: number, text: string): Buffer {
  const head = Buffer.allocUnsafe(4)
  writeU32(head, 0, number)
  return Buffer.concat([head, Buffer.from(text)])
}
