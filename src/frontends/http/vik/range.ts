/**
 * GET and POST /kv/range: start inclusive, end exclusive, all keys of one moment. The answer is written page by page as
 * the client takes it, so that no range is too large for memory.
 */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ListingEntry, PinnedSnapshot } from '../../../cluster/listing.ts'
import type { Timer } from '../../../lib/clock.ts'
import { type ErrorCode, errors } from '../../../protocol/errors.ts'
import { limits } from '../../../protocol/limits.ts'
import { type CompatDoor, sendJson } from '../compat.ts'
import { whenOver } from '../when-over.ts'
import { failed } from './replies.ts'

const HEAD = '{"success":true,"items":['
const TAIL = ']}\n'
/** Several pages are in memory for a client that does not read: the one made, and what is on its way. */
const PAGE_BYTES = 256 * 1024
/** What a range in pages counts for, in base64. */
const STREAM_BYTES = 4 * PAGE_BYTES

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
  const snapshot = await compat.snapshot(request, reply)
  if (typeof snapshot === 'string') return refuse(reply, snapshot)
  const pages = pagesOf(snapshot, bounds)
  // What fails before the first page can still be said.
  const first = await pages.next().catch((error: Error) => error)
  if (first instanceof Error) return refuse(reply, 'CORRUPT')
  const head = HEAD + (first.value?.text ?? '')
  if (first.value?.isLast !== false) {
    await pages.return(undefined)
    return sendJson(reply, 200, head + TAIL)
  }
  const { clock } = compat.door
  // A snapshot holds memory and files: who does not take a page in the time of a lease is cut off.
  const lease = { begin: () => clock.setTimer(limits.cursorLeaseMs, () => stream.destroy()) }
  const stream: Readable = Readable.from(body(head, pages, lease))
  const { httpReplies } = compat.door
  httpReplies.add(STREAM_BYTES)
  whenOver(reply.raw, () => httpReplies.remove(STREAM_BYTES))
  // A client that is gone before the first byte never starts the generator, whose end releases the snapshot.
  stream.once('close', () => void pages.return(undefined))
  return reply.code(200).header('content-type', 'application/json').send(stream)
}

function refuse(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const { resp, http } = errors[code]
  return failed(reply, http, `failed to get range: ${resp}`)
}

/** An error here cuts the connection: the client sees that the answer is not whole. */
async function* body(
  head: string,
  pages: AsyncGenerator<Page, undefined>,
  lease: { begin(): Timer },
): AsyncGenerator<Buffer> {
  let timer = lease.begin()
  try {
    yield Buffer.from(head)
    for await (const { text } of pages) {
      timer.cancel()
      timer = lease.begin()
      yield Buffer.from(`,${text}`)
    }
    yield Buffer.from(TAIL)
  } finally {
    timer.cancel()
  }
}

interface Page {
  /** Items with commas between them. */
  readonly text: string
  readonly isLast: boolean
}

/** Pages that are not empty; releases the snapshot in the end, whatever ends it. */
async function* pagesOf(snapshot: PinnedSnapshot, { start, end }: Bounds): AsyncGenerator<Page, undefined> {
  try {
    let from: Buffer | null = start
    while (from !== null) {
      const page: { text: string; next: Buffer | null } = await pageOf(snapshot, from, end)
      from = page.next
      if (page.text !== '') yield { text: page.text, isLast: from === null }
    }
  } finally {
    snapshot.release()
  }
  return undefined
}

function pageOf(
  snapshot: PinnedSnapshot,
  from: Buffer,
  to: Buffer | null,
): Promise<{ text: string; next: Buffer | null }> {
  const options = {
    from,
    to,
    reverse: false,
    limit: limits.pageKeys,
    maxBytes: PAGE_BYTES,
    keysOnly: false,
  }
  return new Promise((resolve, reject) => {
    snapshot.page(options, (page) => {
      if (page === 'gone' || page === 'damaged') return reject(new Error(`The listing is ${page}`))
      const next = page.next === null ? null : Buffer.from(page.next)
      resolve({ text: page.entries.map(itemJson).join(','), next })
    })
  })
}

function itemJson({ key, item }: ListingEntry): string {
  return `{"key":"${key.toString('base64')}","value":"${item.value?.toString('base64') ?? ''}"}`
}
