/**
 * KEYS: all keys that match a pattern, gathered page by page as SCAN gives them (engine/scan.ts). A key that
 * is there all the time is listed exactly once; the list as a whole is no single moment.
 */

import { scanCommand } from '../../engine/scan.ts'
import { must } from '../../lib/assert.ts'
import { limits } from '../../protocol/limits.ts'
import { arrayReply, errorReply, isErrorReply } from '../../protocol/reply.ts'
import { type Answer, type Client, localCommand } from '../client.ts'
import { arrayElements, bulkOf } from '../resp/elements.ts'

const FIRST_PAGE = Buffer.alloc(0)
const COUNT = [Buffer.from('COUNT'), Buffer.from(String(limits.scanRows))]
const MATCH = Buffer.from('MATCH')
const TOO_MANY = errorReply(`ERR the keys are more than ${limits.replyQueueBytesMax} bytes: use SCAN`)

export const keys = localCommand({
  name: 'keys',
  arity: 2,
  flags: ['readonly'],
  group: 'generic',
  since: '1.0.0',
  categories: ['@keyspace', '@read', '@slow', '@dangerous'],
  inTransaction: 'alone',
  summary: 'Lists the keys that match a pattern.',
  run: (client, args) => {
    const listing = new Listing(client, Buffer.from(args[0] as Buffer))
    // What follows on the connection must not change the keys that later pages list.
    client.block()
    listing.ask(FIRST_PAGE)
    return null
  },
})

/** One KEYS under way. */
class Listing {
  readonly #client: Client
  readonly #answer: Answer
  readonly #database: number
  readonly #options: readonly Buffer[]
  readonly #found: Buffer[] = []
  #bytes = 0

  constructor(client: Client, pattern: Buffer) {
    this.#client = client
    this.#answer = client.promise()
    this.#database = client.database
    this.#options = [MATCH, pattern, ...COUNT]
  }

  /** Asks for the page that starts at `resume`. */
  ask(resume: Buffer): void {
    this.#client.ask(scanCommand(this.#database, resume, this.#options), (reply) => {
      if (isErrorReply(reply)) return this.#end(reply)
      const [next, page] = must(arrayElements(reply), 'page of SCAN') as [Buffer, Buffer]
      this.#found.push(...must(arrayElements(page), 'keys of a page'))
      this.#bytes += page.length
      if (this.#bytes > limits.replyQueueBytesMax) return this.#end(TOO_MANY)
      const further = bulkOf(next)
      if (further === null || this.#client.session.closed) this.#end(arrayReply(this.#found))
      else this.ask(further)
    })
  }

  #end(reply: Buffer): void {
    this.#answer.answer(reply)
    this.#client.unblock()
  }
}
