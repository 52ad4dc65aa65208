/**
 * The clients that are connected to this node, whatever they speak: what CLIENT LIST shows, CLIENT KILL cuts and INFO
 * counts. Numbers are given once per process and never again.
 */
import type { Client } from '../client.ts'

/** RESP, a text protocol (--inline json or plain), or HTTP. */
export type Speech = 'resp' | 'json' | 'plain' | 'http'

export interface ConnectedClient {
  readonly id: number
  readonly speaks: Speech
  /** 'address:port' of the peer and of this end. */
  readonly peer: string
  readonly local: string
  readonly connectedAtMs: number
  /** When it sent something last. */
  readonly lastActiveMs: number
  readonly lastCommand: string
  /** Commands whose replies are not sent; NaN when that is not known here. */
  readonly pendingCommands: number
  /** Bytes that wait for the client. */
  readonly replyBytes: number
  /** Cuts the connection. */
  destroy(): void
}

export class Clients {
  readonly #all = new Map<number, ConnectedClient>()
  readonly #resp = new Map<number, Client>()
  #lastId = 0

  /** In the order in which they came, by number. */
  get all(): ReadonlyMap<number, ConnectedClient> {
    return this.#all
  }

  /** Those that speak RESP. */
  get resp(): ReadonlyMap<number, Client> {
    return this.#resp
  }

  nextId(): number {
    return ++this.#lastId
  }

  add(client: ConnectedClient): void {
    this.#all.set(client.id, client)
  }

  addResp(client: Client): void {
    this.add(client)
    this.#resp.set(client.id, client)
  }

  delete({ id }: ConnectedClient): void {
    this.#all.delete(id)
    this.#resp.delete(id)
  }
}
