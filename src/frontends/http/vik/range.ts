/**
 * GET and POST /kv/range: start inclusive, end exclusive, all keys of one moment. The answer is written page by page as
 * the client takes it, so that no range is too large for memory.
 */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ListingEntry, PinnedSnapshot } from '../../../cluster/clients/listing.ts'
import type { Timer } from '../../../lib/clock.ts'
import { type ErrorCode, errors } from '../../../protocol/errors.ts'
import { limits } from '../../../protocol/limits.ts'
import type { Claim } from '../answers/answer-share.ts'
import { elementPieces, jsonText } from '../answers/json-pieces.ts'
import { type PageSize, roomOf, sizeOf } from '../answers/page-room.ts'
import { sendPieces } from '../answers/send-pieces.ts'
import { whenOver } from '../answers/when-over.ts'
import type { CompatDoor } from '../compat.ts'
import { failed } from './replies.ts'

const HEAD = '{"success":true,"items":['
const TAIL = ']}\n'
/** A page is in memory for a client that does not read; the answer has as many of them as it takes. */
const PAGE = { limit: 500, maxBytes: 256 * 1024 } as const

/** Long answers at a time: each pins a snapshot until it is taken, and others want to list, too. */
const STREAMS_MAX = limits.openSnapshots / 4

export interface Bounds {
  readonly start: Buffer
  /** Null: to the last key. */
  readonly end: Buffer | null
}

export async function sendRange(
  compat: CompatDoor,
  request: FastifyRequest,
  reply: FastifyReply,
  bounds: Bounds,
): Promise<FastifyReply> {
  const room = await compat.reservePage(reply, PAGE)
  if (room === null) return refuse(reply, 'OVERLOADED')
  const snapshot = await compat.snapshot(request, reply)
  if (typeof snapshot === 'string') return refuse(reply, snapshot)
  const pages = pagesOf(snapshot, bounds, { compat, reply, ...room })
  // What fails before the first page can still be said.
  const first = await pages.next().catch((error: unknown) => error)
  if (first instanceof RangeFailure) return refuse(reply, first.code)
  if (first instanceof Error) throw first
  const { value: page } = first as IteratorResult<Page, undefined>
  reply.code(200).header('content-type', 'application/json')
  if (page?.isLast !== false) {
    await pages.return(undefined)
    return sendPieces(compat.door.httpReplies, reply, elementPieces(HEAD, itemsOf(page), TAIL))
  }
  if (compat.openRanges >= STREAMS_MAX) {
    await pages.return(undefined)
    return refuse(reply, 'OVERLOADED')
  }
  const stream = streamOf(compat, reply, page, pages)
  compat.openRanges++
  // A client that is gone before the first byte never starts the generator, whose end releases the snapshot.
  stream.once('close', () => {
    compat.openRanges--
    void pages.return(undefined)
  })
  whenOver(reply.raw, () => stream.destroy())
  return reply.send(stream)
}

/** The range cannot be read on. */
class RangeFailure extends Error {
  override readonly name = 'RangeFailure'
  readonly code: ErrorCode

  constructor(code: ErrorCode) {
    super(errors[code].resp)
    this.code = code
  }
}

function refuse(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const { resp, http } = errors[code]
  return failed(reply, http, `failed to get range: ${resp}`)
}

type Pages = AsyncGenerator<Page, undefined>

/** A snapshot holds memory and files: who does not take a page in the time of a lease is cut off. */
function streamOf(compat: CompatDoor, reply: FastifyReply, first: Page, pages: Pages): Readable {
  const { clock, httpReplies } = compat.door
  const begin = (): Timer => clock.setTimer(limits.cursorLeaseMs, () => stream.destroy())
  const stream: Readable = Readable.from(
    body(first, pages, { begin, sent: () => httpReplies.sent(reply.raw) }),
  )
  return stream
}

interface Lease {
  begin(): Timer
  /** The client has taken what was given so far. */
  sent(): void
}

/** An error here cuts the connection: the client sees that the answer is not whole. */
async function* body(first: Page, pages: Pages, lease: Lease): AsyncGenerator<Buffer> {
  let timer = lease.begin()
  const renewed = (piece: Buffer): Buffer => {
    lease.sent()
    timer.cancel()
    timer = lease.begin()
    return piece
  }
  try {
    for (const piece of elementPieces(HEAD, itemsOf(first), '')) yield renewed(piece)
    for await (const page of pages) {
      for (const piece of elementPieces(',', itemsOf(page), '')) yield renewed(piece)
    }
    yield renewed(Buffer.from(TAIL))
  } finally {
    timer.cancel()
  }
}

interface Page {
  readonly entries: readonly ListingEntry[]
  readonly isLast: boolean
}

interface Room {
  readonly compat: CompatDoor
  readonly reply: FastifyReply
  readonly size: PageSize
  claim: Claim
}

/** Pages that are not empty; releases the snapshot in the end, whatever ends it. */
async function* pagesOf(snapshot: PinnedSnapshot, { start, end }: Bounds, room: Room): Pages {
  try {
    let from: Buffer | null = start
    while (from !== null) {
      const { entries, next } = await pageWithRoom(snapshot, from, end, room)
      from = next
      if (entries.length > 0) yield { entries, isLast: from === null }
    }
  } finally {
    snapshot.release()
  }
  return undefined
}

interface Read {
  readonly entries: readonly ListingEntry[]
  readonly next: Buffer | null
}

/** One value may be larger than a page: it is read again when there is room for it. */
async function pageWithRoom(
  snapshot: PinnedSnapshot,
  from: Buffer,
  to: Buffer | null,
  room: Room,
): Promise<Read> {
  const { size } = room
  const page = await pageOf(snapshot, from, to, size)
  const bytes = Math.max(roomOf(size).bytes, sizeOf(page.entries))
  if (bytes <= room.claim.bytes) {
    room.claim.resize(bytes)
    return page
  }
  room.claim.release()
  const claim = await room.compat.reserve(room.reply, bytes)
  if (claim === null) throw new RangeFailure('OVERLOADED')
  room.claim = claim
  return pageOf(snapshot, from, to, size)
}

function pageOf(snapshot: PinnedSnapshot, from: Buffer, to: Buffer | null, size: PageSize): Promise<Read> {
  return new Promise((resolve, reject) => {
    snapshot.page({ from, to, reverse: false, ...size, keysOnly: false }, (page) => {
      if (page === 'gone' || page === 'damaged') return reject(new RangeFailure('CORRUPT'))
      const next = page.next === null ? null : Buffer.from(page.next)
      resolve({ entries: page.entries, next })
    })
  })
}

function* itemsOf(page: Page | undefined): Generator<unknown> {
  for (const { key, item } of page?.entries ?? []) {
    yield { key: jsonText(key, 'base64'), value: item.value === null ? '' : jsonText(item.value, 'base64') }
  }
}
