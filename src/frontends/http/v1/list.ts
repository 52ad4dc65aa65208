/**
 * GET /v1/kv: keys by prefix or range, in pages of one moment. The first page pins a snapshot of this node; the
 * cursor of the next one stands for it.
 */
import type { ListingPage, PageOptions } from '../../../cluster/clients/listing.ts'
import { limits } from '../../../protocol/limits.ts'
import type { Claim } from '../answers/answer-share.ts'
import { JsonList } from '../answers/json-pieces.ts'
import { type PageSize, sizeOf } from '../answers/page-room.ts'
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
  call.reservePage(page, (claim, size) => {
    call.door.openSnapshot({ ...call.executeOptions(), database }, (snapshot, error) => {
      call.guard(() => {
        if (snapshot === null) return call.refuse(error ?? 'INTERNAL')
        if (call.isGone) return snapshot.release()
        const listing = { snapshot, database, reverse, keysOnly }
        sendPage(call, { listing, number: 1, page }, claim, size)
      })
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
    case 'found': {
      const place = { ...found.place, page: { ...found.place.page, limit } }
      return call.reservePage(place.page, (claim, size) => sendPage(call, place, claim, size))
    }
  }
}

function sendPage(call: Call, place: Place, claim: Claim, size: PageSize): void {
  const { listing, page } = place
  listing.snapshot.page({ ...page, ...size }, (result) => {
    call.guard(() => {
      if (result === 'gone' || result === 'damaged') {
        call.native.cursors.end(listing)
        return call.refuse(result === 'gone' ? 'CURSOR_EXPIRED' : 'CORRUPT')
      }
      const bytes = sizeOf(result.entries)
      if (bytes <= claim.bytes) {
        claim.resize(bytes)
        return answer(call, place, result)
      }
      // One value is larger than a page: it is read again when there is room for it.
      claim.release()
      call.reserve(bytes, (larger) => sendPage(call, place, larger, size))
    })
  })
}

/** The items become text as the client takes them; what they are made of is all that is held for it. */
function answer(call: Call, place: Place, { entries, next }: ListingPage): void {
  const { listing, page } = place
  const { revision, timeMs } = listing.snapshot
  const { cursors } = call.native
  // A client that is gone needs no next page.
  const isLast = next === null || call.isGone
  if (isLast) cursors.end(listing)
  const cursor = isLast ? null : cursors.next(nodeOf(call), place, behind(page, next))
  if (cursor !== null) call.reply.header('link', `</v1/kv?cursor=${cursor}&limit=${page.limit}>; rel="next"`)
  call.reply.header('x-kvorum-revision', revision)
  call.pieces(200, { items: new JsonList(itemsOf(entries, timeMs)), revision, next_cursor: cursor })
}

function* itemsOf(entries: ListingPage['entries'], timeMs: number): Generator<unknown> {
  for (const { key, item } of entries) yield itemJson(key, item, timeMs)
}

function nodeOf(call: Call): string {
  return call.door.executor.position().node
}

function behind(page: PageOptions, next: Buffer): PageOptions {
  // Copied: the bound may be a view of a whole page.
  const bound = Buffer.from(next)
  return page.reverse ? { ...page, to: bound } : { ...page, from: bound }
}
