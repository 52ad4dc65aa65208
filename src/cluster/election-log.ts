/**
 * Says in the log what happens to leadership, one line per change of role or leader, and for each election why it
 * began: the operator's first question after a failover.
 */
import type { Logger } from '../lib/logger.ts'
import type { PeerId } from '../protocol/members.ts'
import type { Role } from '../raft/types.ts'

export interface LeadershipState {
  readonly role: Role
  readonly term: number
  readonly leader: PeerId
}

export class ElectionLog {
  readonly #logger: Logger
  readonly #nameOf: (peer: PeerId) => string
  readonly #nowMs: () => number
  /** When this node ceased to lead; -Infinity when it never led. */
  #ledUntilMs = -Infinity
  #last: LeadershipState = { role: 'follower', term: 0, leader: 0 }
  /** The last leader there was, and why it counts as lost. */
  #lastLeader: PeerId = 0
  #cause = ''
  /** Elections that this node began, and changes of the leader that it saw. */
  elections = 0
  leaderChanges = 0

  constructor(logger: Logger, nameOf: (peer: PeerId) => string, nowMs: () => number) {
    this.#logger = logger
    this.#nameOf = nameOf
    this.#nowMs = nowMs
  }

  /** How long ago this node led, in milliseconds: 0 while it leads, Infinity when it never did. */
  get sinceLedMs(): number {
    return this.#last.role === 'leader' ? 0 : this.#nowMs() - this.#ledUntilMs
  }

  /** The control connection to the leader broke. */
  connectionLost(): void {
    this.#cause = 'its connection broke'
  }

  note({ role, term, leader }: LeadershipState): void {
    const last = this.#last
    this.#last = { role, term, leader }
    if (role === last.role && leader === last.leader) return
    if (last.role === 'leader' && role !== 'leader') this.#ledUntilMs = this.#nowMs()
    if (last.leader !== 0) this.#lastLeader = last.leader
    if (isCampaigning(role) && !isCampaigning(last.role)) return this.#began(role, term)
    if (leader === 0 || (leader === last.leader && role === last.role)) return
    this.#cause = ''
    this.leaderChanges++
    this.#logger.info(role === 'leader' ? 'This node leads' : 'Following a leader', {
      term,
      leader: this.#nameOf(leader),
    })
  }

  #began(role: Role, term: number): void {
    this.elections++
    this.#logger.info('An election begins', { reason: this.#reason(role), role, term })
    this.#cause = ''
  }

  #reason(role: Role): string {
    if (this.#lastLeader === 0) return 'no leader is known since this node started'
    const name = this.#nameOf(this.#lastLeader)
    if (role === 'candidate') return `${name} handed leadership over to this node`
    return `the leader ${name} counts as lost: ${this.#cause || 'no word from it for an election timeout'}`
  }
}

function isCampaigning(role: Role): boolean {
  return role === 'preCandidate' || role === 'candidate'
}
