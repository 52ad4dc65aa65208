/**
 * What the requests of one node share: the door, a session per connection and the listings that are open.
 */
import type { Door } from '../../door.ts'
import { ConnectionSessions } from '../sessions.ts'
import { Cursors } from './cursors.ts'

export class Native {
  readonly door: Door
  readonly cursors: Cursors
  /** Watches that are open: each ends when the doors close (R17). */
  readonly streams = new Set<{ finish(): void }>()
  readonly sessions: ConnectionSessions

  constructor(door: Door) {
    this.door = door
    this.sessions = new ConnectionSessions(door.executor)
    this.cursors = new Cursors(door.clock)
    door.endings.push(() => {
      for (const stream of this.streams) stream.finish()
      this.cursors.close()
    })
  }
}
