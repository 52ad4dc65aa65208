/**
 * How much memory a page of a listing takes before it is read (R20): its bounds, and the short one that it becomes
 * while clients leave much of their answers lying.
 */
import type { ListingEntry, PageOptions } from '../../../cluster/clients/listing.ts'
import type { PageRoom } from './answers.ts'

/** What an entry takes besides its key and value. */
const ENTRY_BYTES = 400
const SHORT_BYTES = 64 * 1024
const SHORT_KEYS = 100

export type PageSize = Pick<PageOptions, 'limit' | 'maxBytes'>

/** Unless its last value is larger than a page. */
export function roomOf(size: PageSize): PageRoom {
  return { bytes: bound(size), shortBytes: bound(shortened(size)) }
}

export function shortened({ limit, maxBytes }: PageSize): PageSize {
  return { limit: Math.min(limit, SHORT_KEYS), maxBytes: Math.min(maxBytes, SHORT_BYTES) }
}

/** What `entries` take. */
export function sizeOf(entries: readonly ListingEntry[]): number {
  let bytes = entries.length * ENTRY_BYTES
  for (const { key, item } of entries) bytes += key.length + (item.value?.length ?? 0)
  return bytes
}

function bound({ limit, maxBytes }: PageSize): number {
  return maxBytes + limit * ENTRY_BYTES
}
