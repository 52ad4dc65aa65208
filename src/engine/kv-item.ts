/** What replies, listings and watches tell of a record. */
import type { KvItem } from '../protocol/kv-reply.ts'
import type { KeyRecord } from './records.ts'

/** The item of a record; its value is a view of the record. Null for none. */
export function itemOf(record: KeyRecord, withValue: boolean): KvItem
export function itemOf(record: KeyRecord | null, withValue: boolean): KvItem | null
export function itemOf(record: KeyRecord | null, withValue: boolean): KvItem | null {
  if (record === null) return null
  const { createRevision, modRevision, version, createdAt, updatedAt, expiresAt } = record
  return {
    value: withValue ? record.value : null,
    contentType: record.contentType?.toString() ?? null,
    createRevision,
    modRevision,
    version,
    createdAt,
    updatedAt,
    expiresAt,
  }
}
