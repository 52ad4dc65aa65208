/**
 * The KV command (protocol/kv.ts): compares, then one of two lists of operations. Everything is judged where it
 * applies: of many that race on one condition exactly one finds it true.
 */
import { assert } from '../../lib/assert.ts'
import { toByteString } from '../../lib/bytes.ts'
import { decodeKv, type KvCompare, type KvExpiry, type KvOperation } from '../../protocol/kv.ts'
import { encodeKvReply, type KvItem, type KvResult, markReplayed } from '../../protocol/kv-reply.ts'
import { limits } from '../../protocol/limits.ts'
import { errorCodeReply } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'
import { MILLISECOND_MS, positiveExpiry } from '../expiry-time.ts'
import { itemOf } from '../kv-item.ts'
import { type KeyRecord, RecordType } from '../records.ts'

const TOO_LARGE = errorCodeReply(
  'TOO_LARGE',
  `one command replies with, or writes anew, at most ${limits.kvReplyBytes} bytes of values`,
)
const REUSED = errorCodeReply('IDEMPOTENCY_REUSED')
/** What a replay finds in the place of a reply that was too large to be kept; an error, so it is never marked. */
const NOT_KEPT = errorCodeReply('REPLY_NOT_KEPT')

/** The arguments are those of encodeKv(). */
export function kv(context: CommandContext, args: readonly Buffer[]): Buffer {
  const { compares, then, otherwise, idempotency } = decodeKv(args)
  const isRead = context.spec.kind === 'read'
  if (idempotency !== null && !isRead) {
    const known = context.idempotency.recall(context, idempotency)
    if (known.kind === 'conflict') return REUSED
    if (known.kind === 'executed') return known.reply.equals(NOT_KEPT) ? NOT_KEPT : markReplayed(known.reply)
  }
  const failedCompare = compares.findIndex((compare) => !holds(context, compare))
  const operations = failedCompare < 0 ? then : otherwise
  if (valueBytes(context, operations) > limits.kvReplyBytes) return TOO_LARGE
  const results = operations.map((operation) => run(context, operation))
  const reply = encodeKvReply({
    succeeded: failedCompare < 0,
    replayed: false,
    failedCompare,
    revision: context.revision,
    timeMs: context.nowMs,
    results,
  })
  if (idempotency !== null && !isRead) {
    context.idempotency.remember(context, idempotency, reply, NOT_KEPT)
  }
  return reply
}

function holds(context: CommandContext, compare: KvCompare): boolean {
  const record = context.read(compare.key)
  switch (compare.target) {
    case 'exists':
      return (record !== null) === compare.exists
    case 'value':
      return (record?.value.equals(compare.value) ?? false) === (compare.operator === '=')
    default:
      return holdsNumber(record === null ? 0 : record[compare.target], compare.operator, compare.values)
  }
}

function holdsNumber(number: number, operator: '=' | '!=' | '<' | '>', values: readonly number[]): boolean {
  const first = values[0] ?? 0
  switch (operator) {
    case '=':
      return values.includes(number)
    case '!=':
      return !values.includes(number)
    case '<':
      return number < first
    case '>':
      return number > first
  }
}

/**
 * Bytes of values that the reply will hold and that updates copy into new records, known before anything changes: an
 * error leaves no trace. Few operations cannot hold too many.
 */
function valueBytes(context: CommandContext, operations: readonly KvOperation[]): number {
  if (operations.length * limits.valueBytes <= limits.kvReplyBytes) return 0
  const sizes = new Map<string, number>()
  let total = 0
  for (const operation of operations) {
    const id = toByteString(operation.key)
    const size = sizes.get(id) ?? context.read(operation.key)?.value.length ?? 0
    if (countsValue(operation)) total += size
    if (operation.kind === 'put') sizes.set(id, operation.value.length)
    if (operation.kind === 'delete') sizes.set(id, 0)
  }
  return total
}

function countsValue(operation: KvOperation): boolean {
  if (operation.kind === 'update') return true
  return operation.kind === 'get' ? !operation.metadataOnly : operation.previous
}

function run(context: CommandContext, operation: KvOperation): KvResult {
  const record = context.read(operation.key)
  const found = record !== null
  switch (operation.kind) {
    case 'get':
      return { found, item: itemOf(record, !operation.metadataOnly), previous: null }
    case 'put':
      return { found, item: put(context, operation, record), previous: previousOf(record, operation) }
    case 'update':
      return { found, item: record === null ? null : update(context, operation, record), previous: null }
    case 'delete':
      if (context.remove(operation.key)) context.notify('g', 'del', operation.key)
      return { found, item: null, previous: previousOf(record, operation) }
  }
}

function previousOf(record: KeyRecord | null, { previous }: { readonly previous: boolean }): KvItem | null {
  return previous ? itemOf(record, true) : null
}

function put(
  context: CommandContext,
  operation: KvOperation & { readonly kind: 'put' },
  record: KeyRecord | null,
): KvItem | null {
  const { key, value, contentType, expiry } = operation
  const expiresAt = expiresAtOf(context, expiry, record)
  context.put(
    key,
    RecordType.string,
    value,
    expiresAt,
    contentType === null ? null : Buffer.from(contentType),
  )
  context.notify('$', 'set', key)
  if (expiry.kind === 'ttl' || expiry.kind === 'at') context.notify('g', 'expire', key)
  return itemOf(context.read(key), false)
}

function update(
  context: CommandContext,
  { key, contentType, expiry }: KvOperation & { readonly kind: 'update' },
  record: KeyRecord,
): KvItem | null {
  const expiresAt = expiresAtOf(context, expiry, record)
  if (expiresAt !== 0 && expiresAt <= context.nowMs) {
    context.remove(key)
    context.notify('g', 'del', key)
    return null
  }
  context.put(key, record.type, record.value, expiresAt, contentTypeAfter(contentType, record))
  if (expiry.kind === 'none') context.notify('g', 'persist', key)
  if (expiry.kind === 'ttl' || expiry.kind === 'at') context.notify('g', 'expire', key)
  return itemOf(context.read(key), false)
}

function contentTypeAfter(
  contentType: (KvOperation & { readonly kind: 'update' })['contentType'],
  record: KeyRecord,
): Buffer | null {
  if (contentType === 'keep') return record.contentType
  return contentType.set === null ? null : Buffer.from(contentType.set)
}

function expiresAtOf(context: CommandContext, expiry: KvExpiry, record: KeyRecord | null): number {
  switch (expiry.kind) {
    case 'keep':
      return record === null ? 0 : record.expiresAt
    case 'none':
      return 0
    case 'at':
      return expiry.ms
    case 'ttl': {
      const at = positiveExpiry(expiry.ms, MILLISECOND_MS, context.nowMs)
      assert(at !== null, () => `A time to live of ${expiry.ms} ms was not checked`)
      return at
    }
  }
}
