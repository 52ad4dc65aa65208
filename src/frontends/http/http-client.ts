/** One HTTP connection among the clients of the node. */
import type { Socket } from 'node:net'
import type { ConnectedClient } from '../connection/clients.ts'
import { localOf, peerOf } from '../connection/ends.ts'
import type { Door } from '../door.ts'

export class HttpClient implements ConnectedClient {
  readonly id: number
  readonly speaks = 'http'
  readonly peer: string
  readonly local: string
  readonly connectedAtMs: number
  lastActiveMs: number
  /** Requests are the HTTP server's business. */
  readonly pendingCommands = Number.NaN
  readonly #door: Door
  readonly #socket: Socket
  #method = ''

  constructor(door: Door, socket: Socket) {
    this.#door = door
    this.#socket = socket
    this.id = door.clients.nextId()
    this.peer = peerOf(socket)
    this.local = localOf(socket)
    this.connectedAtMs = door.clock.monotonicMs()
    this.lastActiveMs = this.connectedAtMs
  }

  get lastCommand(): string {
    return this.#method === '' ? 'NULL' : `http|${this.#method.toLowerCase()}`
  }

  get replyBytes(): number {
    return this.#socket.writableLength
  }

  /** A request has come. */
  sends(method: string): void {
    this.lastActiveMs = this.#door.turn.nowMs()
    this.#method = method
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
