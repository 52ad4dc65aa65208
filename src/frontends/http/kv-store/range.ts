/**
 * GET /kv-store/v1/kv/?start=&end=: both ends inclusive, in pages. A cursor is the last key of the page before, so that
 * no row between two pages is lost, whatever is written meanwhile.
 */
import { isUtf8 } from 'node:buffer'
import type { ListingEntry, ListingPage, PinnedSnapshot } from '../../../cluster/listing.ts'
import { limits } from '../../../protocol/limits.ts'
import { detail, listedJson } from './replies.ts'

export const PAGE_MAX = 10_000
/** Keys and values of one page, in bytes: beyond it the page ends early, and says that there is more. */
export const PAGE_BYTES_MAX = 16 * 1024 * 1024

const NEXT_BYTE = Buffer.from([0])
/** Begins a cursor that is not the key itself: base64 of one that is no UTF-8, or that begins like this. */
const ENCODED = '\0base64:'

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

/**
 * The body of one page, which ends early when it has `roomFor()` bytes. Throws what refuses it; the snapshot stays
 * open.
 */
export async function rangePage(
  snapshot: PinnedSnapshot,
  query: RangeQuery,
  roomFor: () => number,
): Promise<Record<string, unknown>> {
  const { start, end, limit, after } = query
  const behind = after === null ? start : justBehind(after)
  let from: Buffer | null = behind.compare(start) < 0 ? start : behind
  const to = justBehind(end)
  const results: Record<string, unknown>[] = []
  let last: Buffer | null = null
  let bytes = 0
  while (from !== null && results.length < limit && bytes < roomFor() && from.compare(to) < 0) {
    const page = await pageOf(snapshot, from, to, limit - results.length, false)
    for (const entry of page.entries) {
      results.push(listedJson(entry))
      bytes += sizeOf(entry)
      last = Buffer.from(entry.key)
    }
    from = page.next === null ? null : Buffer.from(page.next)
  }
  const hasMore =
    from !== null && from.compare(to) < 0 && (await pageOf(snapshot, from, to, 1, true)).entries.length > 0
  const body = { count: results.length, results, has_more: hasMore }
  return hasMore && last !== null ? { ...body, next_cursor: cursorFor(last) } : body
}

/** The least key above `key`. */
function justBehind(key: Buffer): Buffer {
  return Buffer.concat([key, NEXT_BYTE])
}

function sizeOf({ key, item }: ListingEntry): number {
  return key.length + (item.value?.length ?? 0)
}

function pageOf(
  snapshot: PinnedSnapshot,
  from: Buffer,
  to: Buffer,
  limit: number,
  keysOnly: boolean,
): Promise<ListingPage> {
  const options = { from, to, reverse: false, limit, maxBytes: limits.pageBytes, keysOnly }
  return new Promise((resolve, reject) => {
    snapshot.page(options, (page) => {
      if (page === 'gone') reject(detail(503, 'The state of this node was replaced; try again'))
      else if (page === 'damaged') reject(detail(500, 'Stored data is damaged and is not served'))
      else resolve(page)
    })
  })
}
