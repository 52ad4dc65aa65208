/**
 * SCAN: pages of keys. Its cursors are numbers that stand for resume keys kept at this node; the page itself
 * is a linearizable read of the cluster (engine/scan.ts).
 */

import { INVALID_CURSOR_REPLY, parseScanCursor, scanCommand } from '../../engine/scan.ts'
import { must } from '../../lib/assert.ts'
import { arrayReply, isErrorReply, textReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { arrayElements, bulkOf } from '../resp/elements.ts'

const FIRST_PAGE = Buffer.alloc(0)

export const scan = localCommand({
  name: 'scan',
  arity: -2,
  flags: ['readonly'],
  group: 'generic',
  since: '2.8.0',
  categories: ['@keyspace', '@read', '@slow'],
  inTransaction: 'alone',
  summary: 'Goes through the keys of the database in pages.',
  run: (client, args, door) => {
    const cursor = parseScanCursor(args[0] as Buffer)
    if (cursor === null) return INVALID_CURSOR_REPLY
    const { database } = client
    const resume = cursor === 0 ? FIRST_PAGE : resumeOf(door, cursor, database)
    if (resume === null) return INVALID_CURSOR_REPLY
    const answer = client.promise()
    client.ask(scanCommand(database, resume, args.slice(1)), (reply) => {
      answer.answer(isErrorReply(reply) ? reply : pageReply(door, database, reply))
    })
    return null
  },
})

/**
 * A cursor that this node did not give out, or not for this database, or has forgotten, is an error: no
 * silent restart.
 */
function resumeOf(door: Door, cursor: number, database: number): Buffer | null {
  const position = door.cursors.find(cursor)
  return position !== null && position.database === database ? position.resume : null
}

function pageReply(door: Door, database: number, reply: Buffer): Buffer {
  const [next, keys] = must(arrayElements(reply), 'page of SCAN') as [Buffer, Buffer]
  const resume = bulkOf(next)
  // Copied: the view would keep the whole page in memory.
  const cursor = resume === null ? 0 : door.cursors.keep({ database, resume: Buffer.from(resume) })
  return arrayReply([textReply(String(cursor)), keys])
}
