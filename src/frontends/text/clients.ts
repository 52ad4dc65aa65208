/**
 * The text connections of one port: made from sockets whose first line is plain text (--inline json or plain), closed
 * together when the node leaves.
 */
import type { Socket } from 'node:net'
import type { Door } from '../door.ts'
import { TextConnection } from './connection.ts'
import { jsonLanguage } from './json-language.ts'
import type { Language } from './language.ts'
import { plainLanguage } from './plain-language.ts'

/** What the bytes begin with decides; null = plain text is for Redis here. */
export function textLanguage(door: Door): Language | null {
  if (door.config.inline === 'json') return jsonLanguage
  return door.config.inline === 'plain' ? plainLanguage : null
}

export interface FirstBytes {
  readonly language: Language
  readonly first: Buffer
  /** Nothing more will come. */
  readonly hasEnded: boolean
}

export class TextClients {
  readonly #door: Door
  readonly #connections = new Set<TextConnection>()

  constructor(door: Door) {
    this.#door = door
  }

  /** Serves a socket whose first bytes are read already. */
  take(socket: Socket, { language, first, hasEnded }: FirstBytes): void {
    const service = { door: this.#door, language, budget: this.#door.lineBudget }
    const connection: TextConnection = new TextConnection(service, socket, () => this.#forget(connection))
    this.#connections.add(connection)
    this.#door.stats.textConnections++
    connection.push(first)
    if (hasEnded) connection.clientEnded()
    if (this.#door.isClosing) connection.finish()
    else socket.resume()
  }

  #forget(connection: TextConnection): void {
    if (this.#connections.delete(connection)) this.#door.stats.textConnections--
  }

  /** R17: answers what was read, then half-closes. */
  finish(): void {
    for (const connection of this.#connections) connection.finish()
  }
}
