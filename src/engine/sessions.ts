/**
 * The open sessions of all peers (R13). A session closes when its peer opens another or leaves the cluster,
 * and for no other reason: time and load never close one. Part of the replicated state.
 */
import type { ByteReader } from '../lib/byte-reader.ts'
import type { ByteWriter } from '../lib/byte-writer.ts'
import { errorCodeReply } from '../protocol/reply.ts'
import { Session } from './session.ts'

/** What a command of a closed session is told: an earlier copy of it may have been applied. */
export const CLOSED_SESSION_REPLY = errorCodeReply('UNKNOWN_OUTCOME', 'its session is closed')
/** What a sequence below the floor is told: its first copy was settled or given up. */
export const BELOW_FLOOR_REPLY = errorCodeReply('UNKNOWN_OUTCOME', 'its sequence is below the floor')
/** What a sequence beyond the window is told; origins do not number that far ahead. */
export const ABOVE_WINDOW_REPLY = errorCodeReply('OVERLOADED', 'its sequence is beyond the window')

/** The dedupe table: open sessions by id. */
export class Sessions {
  /** By id, which grows: iteration order is the order of opening on every replica. */
  readonly #open = new Map<number, Session>()
  /** The session of the last get(): a run asks for the same one again and again. */
  #last: Session | null = null

  get count(): number {
    return this.#open.size
  }

  get(id: number): Session | null {
    if (this.#last !== null && this.#last.id === id) return this.#last
    this.#last = this.#open.get(id) ?? null
    return this.#last
  }

  /** Opens session `index` and closes the peer's others, unless this peer and boot id have one already. */
  open(index: number, peerId: number, bootId: string): void {
    if (this.find(peerId, bootId) !== null) return
    this.closeOf(peerId)
    this.#open.set(index, new Session(index, peerId, bootId))
  }

  closeOf(peerId: number): void {
    this.#last = null
    for (const session of this.#open.values()) {
      if (session.peerId === peerId) this.#open.delete(session.id)
    }
  }

  find(peerId: number, bootId: string): Session | null {
    for (const session of this.#open.values()) {
      if (session.peerId === peerId && session.bootId === bootId) return session
    }
    return null
  }

  save(writer: ByteWriter): void {
    writer.u32(this.#open.size)
    for (const session of this.#open.values()) session.save(writer)
  }

  load(reader: ByteReader): void {
    this.#last = null
    this.#open.clear()
    for (let count = reader.u32(); count > 0; count--) {
      const session = Session.load(reader)
      this.#open.set(session.id, session)
    }
  }
}
