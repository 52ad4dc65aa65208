/**
 * GET /kv-store/v1/kv/?start=&end=: both ends inclusive, in pages. A cursor is the last key of the page before, so that
 * no row between two pages is lost, whatever is written meanwhile.
 */
import { isUtf8 } from 'node:buffer'
import type { ListingEntry, ListingPage, PinnedSnapshot } from '../../../cluster/clients/listing.ts'
import { limits } from '../../../protocol/limits.ts'
import { JsonList } from '../answers/json-pieces.ts'
import { type PageSize, sizeOf } from '../answers/page-room.ts'
import { detail, listedJson } from './replies.ts'

const PAGE_MAX = 10_000
/** Keys and values of one page, in bytes: beyond it the page ends early, and says that there is more. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024

const NEXT_BYTE = Buffer.from([0])
/** Begins a cursor that is not the key itself: base64 of one that is no UTF-8, or that begins like this. */
const ENCODED = '\0base64:'

export interface RangePage {
  readonly body: Record<string, unknown>
  readonly bytes: number
}

export interface RangeQuery {
  readonly start: Buffer
  readonly end: Buffer
  readonly limit: number
  /** The last key that the client has, or null. */
  readonly after: Buffer | null
}

export function rangeQuery(params: URLSearchParams): RangeQuery {
  const start = params.get('start') ?? ''
  const end = params.get('end') ?? ''
  if (start === '' || end === '') throw detail(400, 'start and end query parameters are required')
  const bounds = { start: Buffer.from(start), end: Buffer.from(end) }
  if (bounds.start.compare(bounds.end) > 0) {
    throw detail(400, 'start key must be lexicographically <= end key')
  }
  return { ...bounds, limit: limitOf(params.get('limit')), after: cursorOf(params.get('cursor')) }
}

function limitOf(text: string | null): number {
  if (text === null || text === '') return PAGE_MAX
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw detail(400, 'limit must be a positive integer')
  return Math.min(Number(text), PAGE_MAX)
}

function cursorOf(text: string | null): Buffer | null {
  if (text === null || text === '') return null
  return text.startsWith(ENCODED) ? Buffer.from(text.slice(ENCODED.length), 'base64') : Buffer.from(text)
}

function cursorFor(key: Buffer): string {
  const text = key.toString()
  return isUtf8(key) && !text.startsWith(ENCODED) ? text : ENCODED + key.toString('base64')
}

/** Of a page that has all it may have. */
export function pageSize({ limit }: RangeQuery): PageSize {
  return { limit, maxBytes: PAGE_BYTES_MAX }
}

/** The body of one page, and what it is made of in bytes. Throws what refuses it; the snapshot stays open. */
export async function rangePage(
  snapshot: PinnedSnapshot,
  query: RangeQuery,
  { limit, maxBytes }: PageSize,
): Promise<RangePage> {
  const { start, end, after } = query
  const behind = after === null ? start : justBehind(after)
  let from: Buffer | null = behind.compare(start) < 0 ? start : behind
  const to = justBehind(end)
  const results: ListingEntry[] = []
  let last: Buffer | null = null
  let bytes = 0
  while (from !== null && results.length < limit && bytes < maxBytes && from.compare(to) < 0) {
    const size = { limit: limit - results.length, maxBytes: Math.min(limits.pageBytes, maxBytes - bytes) }
    const page = await pageOf(snapshot, from, to, size)
    for (const entry of page.entries) {
      results.push(entry)
      last = Buffer.from(entry.key)
    }
    bytes += sizeOf(page.entries)
    from = page.next === null ? null : Buffer.from(page.next)
  }
  const hasMore =
    from !== null &&
    from.compare(to) < 0 &&
    (await pageOf(snapshot, from, to, { limit: 1, maxBytes: 1 }, true)).entries.length > 0
  const body = {
    count: results.length,
    results: new JsonList(listed(results)),
    has_more: hasMore,
    next_cursor: hasMore && last !== null ? cursorFor(last) : undefined,
  }
  return { body, bytes }
}

function* listed(entries: readonly ListingEntry[]): Generator<unknown> {
  for (const entry of entries) yield listedJson(entry)
}

/** The least key above `key`. */
function justBehind(key: Buffer): Buffer {
  return Buffer.concat([key, NEXT_BYTE])
}

function pageOf(
  snapshot: PinnedSnapshot,
  from: Buffer,
  to: Buffer,
  size: PageSize,
  keysOnly = false,
): Promise<ListingPage> {
  const options = { from, to, reverse: false, ...size, keysOnly }
  return new Promise((resolve, reject) => {
    snapshot.page(options, (page) => {
      if (page === 'gone') reject(detail(503, 'The state of this node was replaced; try again'))
      else if (page === 'damaged') reject(detail(500, 'Stored data is damaged and is not served'))
      else resolve(page)
    })
  })
}
