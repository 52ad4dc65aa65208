/** Operations and compares of /v1/batch and /v1/txn: JSON into what the KV command takes, and its reply into JSON. */
import type { KvCompare, KvExpiry, KvNumber, KvOperation } from '../../../protocol/kv.ts'
import type { KvReply, KvResult } from '../../../protocol/kv-reply.ts'
import { JsonList } from '../answers/json-pieces.ts'
import { ProblemError } from '../problem.ts'
import { Fields } from './fields.ts'
import { bytesJson, detailsJson } from './values.ts'

const KEY = ['key', 'key_base64'] as const
const VALUE = ['value', 'value_base64'] as const
const KINDS = ['get', 'set', 'delete'] as const
const KNOWN: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  get: ['op', ...KEY, 'metadata_only'],
  set: ['op', ...KEY, ...VALUE, 'type', 'ttl', 'keep_ttl', 'previous'],
  delete: ['op', ...KEY, 'previous'],
}
const ANY_OPERATION = [...new Set(Object.values(KNOWN).flat())]

const NUMBERS: Readonly<Record<string, KvNumber>> = {
  revision: 'modRevision',
  create_revision: 'createRevision',
  version: 'version',
}
const TARGETS = ['exists', ...Object.keys(NUMBERS), 'value', 'value_base64'] as const
const COMPARE = [...KEY, ...TARGETS, 'operator']

/** One element of `ops`, `then` or `else`; `path` says where it stands. */
export function parseOperation(path: string, value: unknown): KvOperation {
  const kind = new Fields(path, value, ANY_OPERATION).choice('op', KINDS)
  const fields = new Fields(path, value, KNOWN[kind])
  const key = fields.bytes('key')
  if (kind === 'get') return { kind, key, metadataOnly: fields.flag('metadata_only') }
  if (kind === 'delete') return { kind, key, previous: fields.flag('previous') }
  return {
    kind: 'put',
    key,
    value: fields.bytes('value'),
    contentType: fields.text('type'),
    expiry: expiryOf(path, fields),
    previous: fields.flag('previous'),
  }
}

function expiryOf(path: string, fields: Fields): KvExpiry {
  const ms = fields.duration('ttl')
  if (!fields.flag('keep_ttl')) return ms === null ? { kind: 'none' } : { kind: 'ttl', ms }
  if (ms !== null) throw new ProblemError('BAD_REQUEST', `${path} has both ttl and keep_ttl`)
  return { kind: 'keep' }
}

/** One element of `compare`. */
export function parseCompare(path: string, value: unknown): KvCompare {
  const fields = new Fields(path, value, COMPARE)
  const key = fields.bytes('key')
  const targets = TARGETS.filter((name) => fields.has(name))
  const [target] = targets
  if (target === undefined || targets.length > 1) {
    throw new ProblemError('BAD_REQUEST', `${path} wants exactly one of ${TARGETS.join(', ')}`)
  }
  if (target === 'exists') {
    if (fields.has('operator')) throw new ProblemError('BAD_REQUEST', `${path} has an operator beside exists`)
    return { target, key, exists: fields.flag('exists') }
  }
  const number = NUMBERS[target]
  if (number === undefined) {
    const operator = fields.has('operator') ? fields.choice('operator', ['=', '!=']) : '='
    return { target: 'value', key, operator, value: fields.bytes('value') }
  }
  const operator = fields.has('operator') ? fields.choice('operator', ['=', '!=', '<', '>']) : '='
  return { target: number, key, operator, values: [fields.revision(target)] }
}

/** The results of the list that ran, `operations`, for people. */
export function resultsJson(operations: readonly KvOperation[], reply: KvReply): JsonList {
  return new JsonList(resultsOf(operations, reply))
}

function* resultsOf(operations: readonly KvOperation[], reply: KvReply): Generator<unknown> {
  for (const [index, result] of reply.results.entries()) {
    yield resultJson(operations[index] as KvOperation, result, reply.timeMs)
  }
}

function resultJson(operation: KvOperation, result: KvResult, nowMs: number): Record<string, unknown> {
  const { kind, key } = operation
  const json: Record<string, unknown> = {
    op: kind === 'put' ? 'set' : kind,
    ...bytesJson('key', key),
    found: result.found,
  }
  if (kind !== 'delete') json.item = result.item === null ? null : detailsJson(result.item, nowMs)
  if ((kind === 'put' || kind === 'delete') && operation.previous) {
    json.previous = result.previous === null ? null : detailsJson(result.previous, nowMs)
  }
  return json
}
