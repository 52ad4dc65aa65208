/**
 * Keys and values in JSON: text where the bytes are UTF-8, else base64 under a name of its own. Bytes that come in
 * go out unchanged.
 */
import { isUtf8 } from 'node:buffer'
import type { KvItem } from '../../../protocol/kv-reply.ts'
import { jsonText, type LongText } from '../answers/json-pieces.ts'

/** What is known of a key, as routes and documents show it. */
export type ItemJson = Record<string, unknown>

/** `{[name]: text}` or `{[name]_base64: …}`. */
export function bytesJson(name: string, bytes: Buffer): Record<string, string | LongText> {
  return isUtf8(bytes)
    ? { [name]: jsonText(bytes, 'utf8') }
    : { [`${name}_base64`]: jsonText(bytes, 'base64') }
}

/** `nowMs`: the log's time at which the item was read. */
export function itemJson(key: Buffer, item: KvItem, nowMs: number): ItemJson {
  return { ...bytesJson('key', key), ...detailsJson(item, nowMs) }
}

/** The same without the key, for what stands under it. */
export function detailsJson(item: KvItem, nowMs: number): ItemJson {
  return {
    ...(item.value === null ? {} : bytesJson('value', item.value)),
    type: item.contentType,
    revision: item.modRevision,
    create_revision: item.createRevision,
    version: item.version,
    created_at: isoTime(item.createdAt),
    updated_at: isoTime(item.updatedAt),
    expires_at: item.expiresAt === 0 ? null : isoTime(item.expiresAt),
    ttl_ms: item.expiresAt === 0 ? null : Math.max(0, item.expiresAt - nowMs),
  }
}

/** The last moment that a Date can say (ECMA-262, 21.4.1.1). */
const LAST_DATE_MS = 8.64e15

function isoTime(ms: number): string {
  return new Date(Math.min(ms, LAST_DATE_MS)).toISOString()
}

/** The bytes of base64 or base64url text, or null when it is not exactly the text of some bytes. */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  const bare = text.replace(/=+$/, '')
  const again = /[-_]/.test(bare) ? bytes.toString('base64url') : bytes.toString('base64').replace(/=+$/, '')
  return again === bare ? bytes : null
}
