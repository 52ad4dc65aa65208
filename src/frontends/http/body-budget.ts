/**
 * The bodies of all HTTP requests that are under way at one node, together (R20): a body counts by the size it
 * announces, or by the largest there may be, from the request's headers until its answer is sent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { limits } from '../../protocol/limits.ts'
import { whenOver } from './answers/when-over.ts'

export class BodyBudget {
  #bytes = 0

  /** Bytes that are promised or held. */
  get bytes(): number {
    return this.#bytes
  }

  /** False: too much is under way, and this body must not be read. */
  admit({ headers }: IncomingMessage, response: ServerResponse): boolean {
    const bytes = announced(headers['content-length'], headers['transfer-encoding'])
    if (bytes === 0) return true
    if (this.#bytes + bytes > limits.httpBodiesBytes) return false
    this.#bytes += bytes
    whenOver(response, () => {
      this.#bytes -= bytes
    })
    return true
  }
}

/** A larger body than there may be is refused before it is read: it counts for no more. */
function announced(length: string | undefined, encoding: string | undefined): number {
  if (encoding !== undefined) return limits.jsonBodyBytes
  return length === undefined ? 0 : Math.min(Number(length), limits.jsonBodyBytes)
}
