/**
 * GET /v1/kv: keys by prefix or range, in pages of one moment. The first page pins a snapshot of this node; the
 * cursor of the next one stands for it.
 */
import type { PageOptions } from '../../../cluster/listing.ts'
import { limits } from '../../../protocol/limits.ts'
import { badRequest, ProblemError } from '../problem.ts'
import type { Call } from './call.ts'
import type { Place } from './cursors.ts'
import { type KeyRange, rangeOf } from './range.ts'
import { itemJson } from './values.ts'

const DEFAULT_LIMIT = 100
/** What a cursor brings along: giving them again would only be a chance to contradict it. */
const FIXED = ['prefix', 'start', 'end', 'reverse', 'keys_only', 'db', 'consistency'] as const

export function listKeys(call: Call): void {
  call.admit()
  const cursor = call.query.text('cursor')
  const limit = call.query.integer('limit', 1, limits.pageKeys, DEFAULT_LIMIT)
  if (cursor === null) return begin(call, rangeOf(call.query), limit)
  const extra = FIXED.find((name) => call.query.has(name))
  if (extra !== undefined) throw new ProblemError('BAD_REQUEST', `?${extra} cannot stand beside ?cursor`)
  resume(call, cursor, limit)
}

function begin(call: Call, range: KeyRange, limit: number): void {
  const reverse = call.query.flag('reverse')
  const keysOnly = call.query.flag('keys_only')
  const { database } = call
  const page = { ...range, reverse, keysOnly, limit, maxBytes: limits.pageBytes }
  call.door.openSnapshot({ ...call.executeOptions(), database }, (snapshot, error) => {
    call.guard(() => {
      if (snapshot === null) return call.refuse(error ?? 'INTERNAL')
      if (call.isGone) return snapshot.release()
      const listing = { snapshot, database, reverse, keysOnly }
      sendPage(call, { listing, number: 1, page })
    })
  })
}

function resume(call: Call, cursor: string, limit: number): void {
  const { node } = call.door.executor.position()
  const found = call.native.cursors.find(node, cursor)
  switch (found.kind) {
    case 'malformed':
      throw badRequest('?cursor', cursor, 'the next_cursor of an earlier page')
    case 'gone':
      return call.refuse('CURSOR_EXPIRED')
    case 'elsewhere':
      return call.refuse(
        'CURSOR_EXPIRED',
        `the cursor belongs to node ${JSON.stringify(found.node)}: ask that one`,
        {
          node: found.node,
        },
      )
    case 'found':
      return sendPage(call, { ...found.place, page: { ...found.place.page, limit } })
  }
}

function sendPage(call: Call, place: Place): void {
  const { listing, page } = place
  const { snapshot } = listing
  const { cursors } = call.native
  snapshot.page(page, (result) => {
    call.guard(() => {
      if (result === 'gone' || result === 'damaged') {
        cursors.end(listing)
        return call.refuse(result === 'gone' ? 'CURSOR_EXPIRED' : 'CORRUPT')
      }
      const items = result.entries.map(({ key, item }) => itemJson(key, item, snapshot.timeMs))
      const next = result.next === null ? null : behind(page, result.next)
      // A client that is gone needs no next page.
      if (next === null || call.isGone) cursors.end(listing)
      const cursor = next === null || call.isGone ? null : cursors.next(nodeOf(call), place, next)
      if (cursor !== null)
        call.reply.header('link', `</v1/kv?cursor=${cursor}&limit=${page.limit}>; rel="next"`)
      call.reply.header('x-kvorum-revision', snapshot.revision)
      call.json(200, { items, revision: snapshot.revision, next_cursor: cursor })
    })
  })
}

function nodeOf(call: Call): string {
  return call.door.executor.position().node
}

function behind(page: PageOptions, next: Buffer): PageOptions {
  // Copied: the bound may be a view of a whole page.
  const bound = Buffer.from(next)
  return page.reverse ? { ...page, to: bound } : { ...page, from: bound }
}
