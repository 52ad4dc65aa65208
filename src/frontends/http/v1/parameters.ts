/** Parameters that several routes of the native API take. */
import { limits } from '../../../protocol/limits.ts'
import type { Parameter, Schema } from './api.ts'
import { IDEMPOTENCY_KEY_BYTES } from './call.ts'

const revision: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const text: Schema = { type: 'string' }
const flag: Schema = { type: 'boolean', default: false }

function query(name: string, description: string, schema: Schema): Parameter {
  return { name, in: 'query', description, schema }
}

function header(name: string, description: string, schema: Schema = text): Parameter {
  return { name, in: 'header', description, schema }
}

export const key: Parameter = {
  name: 'key',
  in: 'path',
  description: 'The rest of the path, in percent encoding: any bytes, slashes too.',
  schema: text,
}
export const db = query('db', 'The database, as SELECT numbers them.', {
  type: 'integer',
  minimum: 0,
  maximum: 15,
  default: 0,
})
export const consistency = query(
  'consistency',
  'linearizable: as if there were one copy. leader: the state of the leader. stale: what this node has, at once.',
  { enum: ['linearizable', 'leader', 'stale'], default: 'linearizable' },
)
export const minRevision = header(
  'X-Kvorum-Min-Revision',
  'A stale read waits until this node has reached this revision.',
  revision,
)
export const idempotencyKey = header(
  'Idempotency-Key',
  'A request with the same key takes effect once: later ones get the first answer, with Idempotency-Replayed.',
  { type: 'string', minLength: 1, maxLength: IDEMPOTENCY_KEY_BYTES },
)
export const condition: readonly Parameter[] = [
  header('If-Match', '"<revision>", a list of them, or * for any key that exists.'),
  header('If-None-Match', '"<revision>", a list of them, or * for a key that does not exist.'),
]
export const cas = query(
  'cas',
  'Only when the key is at this revision; 0 = only when it does not exist.',
  revision,
)
export const format = query(
  'format',
  'raw: the bytes. json: with all that is known of the key. base64: as text.',
  {
    enum: ['raw', 'json', 'base64'],
    default: 'raw',
  },
)
export const ttl = query('ttl', 'Time to live: 90, 90s, 1500ms, 5m, 2h, 1d.', {
  type: 'string',
  pattern: '^\\d{1,15}(ms|s|m|h|d)?$',
})
export const keepTtl = query('keep_ttl', 'The key keeps the time to live it has.', flag)
export const persist = query('persist', 'The key never expires from now on.', flag)
export const range: readonly Parameter[] = [
  query('key', 'This key alone.', text),
  query('prefix', 'Keys that begin with it.', text),
  query('start', 'The first key, included.', text),
  query('end', 'The end of the range, not included.', text),
]
export const limit = query('limit', 'Items in a page; a page of large values ends earlier.', {
  type: 'integer',
  minimum: 1,
  maximum: limits.pageKeys,
  default: 100,
})
export const cursor = query(
  'cursor',
  'next_cursor of the page before; stands alone, with ?limit at most.',
  text,
)
export const reverse = query('reverse', 'From the highest key down.', flag)
export const keysOnly = query('keys_only', 'Items without values.', flag)
export const after = query(
  'after',
  'The id of the last event that was seen, or a revision: what is newer comes. Without it: from now on.',
  { type: 'string', pattern: '^\\d{1,16}(-\\d{1,10})?$' },
)
export const lastEventId = header('Last-Event-ID', 'As ?after; browsers send it when they connect again.')
export const watchFormat = query('format', 'Instead of the Accept header.', { enum: ['sse', 'ndjson'] })
