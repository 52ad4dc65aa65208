/**
 * /v1/kv/{key…}: one key. Bodies are values, byte for byte; the media type is stored beside them; the entity tag is the
 * revision of the last change.
 */

import type { KvCompare, KvExpiry, KvOperation } from '../../../protocol/kv.ts'
import type { KvItem, KvReply } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import { base64Pieces } from '../answers/json-pieces.ts'
import { sendBytes, sendPieces } from '../answers/send-pieces.ts'
import { badRequest, ProblemError } from '../problem.ts'
import type { Call } from './call.ts'
import { type Conditions, conditionsOf, etagOf, isMatch, isNoneMatchHit, type TagList } from './conditions.ts'
import { decodePercent } from './percent.ts'
import { itemJson } from './values.ts'

const KEY_PATH = '/v1/kv/'
const BYTES = 'application/octet-stream'
/** What a media type may consist of, so that it can be sent as a header. */
const MEDIA_TYPE = /^[\x20-\x7e]{1,255}$/

/** The key that the path names: its bytes behind /v1/kv/, slashes and all. */
export function keyOf(call: Call): Buffer {
  const url = call.request.originalUrl
  const end = url.indexOf('?')
  const text = url.slice(KEY_PATH.length, end < 0 ? undefined : end)
  const key = decodePercent(text, false)
  if (key === null) throw badRequest('the key', text, 'every % followed by two hexadecimal digits')
  if (key.length > limits.keyBytes) {
    throw new ProblemError('TOO_LARGE', `the key is ${key.length} bytes, limit is ${limits.keyBytes}`)
  }
  return key
}

export function getKey(call: Call): void {
  const key = keyOf(call)
  const format = call.query.choice('format', ['raw', 'json', 'base64'], 'raw')
  const conditions = conditionsOf(call.request.headers)
  const get = { kind: 'get', key, metadataOnly: false } as const
  call.kv({ compares: [], then: [get], otherwise: [], idempotency: null }, (reply) => {
    const item = reply.results[0]?.item ?? null
    if (item === null) return call.refuse('NOT_FOUND', 'there is no such key')
    call.reply.header('etag', etagOf(item.modRevision))
    if (!isMatch(conditions.ifMatch, item.modRevision)) return failedCondition(call, item.modRevision)
    if (isNoneMatchHit(conditions.ifNoneMatch, item.modRevision)) return call.notModified()
    if (format === 'json') return call.pieces(200, itemJson(key, item, reply.timeMs))
    sendValue(call, item, reply.timeMs, format)
  })
}

/** A value may be a page or a script that somebody stored: a browser must run nothing of it on this node's name. */
function sendValue(call: Call, item: KvItem, nowMs: number, format: 'raw' | 'base64'): void {
  const value = item.value ?? Buffer.alloc(0)
  const { reply } = call
  reply.header('last-modified', new Date(item.updatedAt).toUTCString())
  reply.header('content-security-policy', "sandbox; default-src 'none'")
  reply.header('accept-ranges', 'none')
  if (item.expiresAt > 0) reply.header('x-kvorum-ttl-ms', Math.max(0, item.expiresAt - nowMs))
  call.stamp()
  const { httpReplies } = call.door
  if (format === 'raw') sendBytes(httpReplies, reply.header('content-type', mediaTypeOf(item)), value)
  else sendPieces(httpReplies, reply.type('text/plain; charset=utf-8'), base64Pieces(value))
}

/** Stored by /v1/txn it may be any text. */
function mediaTypeOf({ contentType }: KvItem): string {
  return contentType !== null && MEDIA_TYPE.test(contentType) ? contentType : BYTES
}

export function putKey(call: Call): void {
  const key = keyOf(call)
  const value = call.body
  const contentType = call.header('content-type')
  checkMediaType(contentType)
  const put = {
    kind: 'put',
    key,
    value,
    contentType,
    expiry: expiryOf(call, 'none'),
    previous: false,
  } as const
  change(call, key, put, (reply) => {
    const result = reply.results[0]
    call.reply.header('etag', etagOf(result?.item?.modRevision ?? reply.revision))
    call.empty(result?.found === true ? 204 : 201)
  })
}

export function deleteKey(call: Call): void {
  const key = keyOf(call)
  change(call, key, { kind: 'delete', key, previous: false }, (reply) => {
    if (reply.results[0]?.found === true) call.empty(204)
    else call.refuse('NOT_FOUND', 'there is no such key')
  })
}

/** A write of one key under the conditions of the request; `then` runs when they hold. */
function change(call: Call, key: Buffer, operation: KvOperation, then: (reply: KvReply) => void): void {
  const compares = comparesOf(call, key, conditionsOf(call.request.headers))
  if (compares === 'never') return failedCondition(call, null)
  const otherwise = [{ kind: 'get', key, metadataOnly: true }] as const
  call.kv({ compares, then: [operation], otherwise, idempotency: call.idempotency() }, (reply) => {
    if (reply.succeeded) then(reply)
    else failedCondition(call, reply.results[0]?.item?.modRevision ?? 0)
  })
}

/** `revision`: of the key as it is; 0: there is none; null: not looked at, since no key can be like that. */
export function failedCondition(call: Call, revision: number | null): void {
  if (revision !== null && revision > 0) call.reply.header('etag', etagOf(revision))
  const now = revision === 0 ? 'the key does not exist' : `the key is at revision ${revision}`
  call.refuse('PRECONDITION_FAILED', revision === null ? '' : now, { revision })
}

/** The conditions of the headers and of ?cas as compares; 'never' when no state of the key can satisfy them. */
export function comparesOf(call: Call, key: Buffer, conditions: Conditions): KvCompare[] | 'never' {
  const { ifMatch, ifNoneMatch } = conditions
  const compares: KvCompare[] = []
  if (call.query.has('cas')) {
    const revision = call.query.integer('cas', 0, Number.MAX_SAFE_INTEGER, 0)
    compares.push({ target: 'modRevision', key, operator: '=', values: [revision] })
  }
  if (ifMatch !== null && !ifMatch.any && ifMatch.revisions.length === 0) return 'never'
  if (ifMatch !== null) compares.push(compareOf(ifMatch, key, true))
  if (ifNoneMatch !== null && (ifNoneMatch.any || ifNoneMatch.revisions.length > 0)) {
    compares.push(compareOf(ifNoneMatch, key, false))
  }
  return compares
}

function compareOf({ any, revisions }: TagList, key: Buffer, isMatch: boolean): KvCompare {
  if (any) return { target: 'exists', key, exists: isMatch }
  return { target: 'modRevision', key, operator: isMatch ? '=' : '!=', values: revisions }
}

/** ?ttl and ?keep_ttl; `fallback` when there is neither. */
export function expiryOf(call: Call, fallback: 'none' | 'keep'): KvExpiry {
  const ms = call.query.duration('ttl')
  const keeps = call.query.flag('keep_ttl')
  if (ms === null) return { kind: keeps ? 'keep' : fallback }
  if (keeps) throw new ProblemError('BAD_REQUEST', '?ttl and ?keep_ttl cannot stand together')
  return { kind: 'ttl', ms }
}

function checkMediaType(text: string | null): void {
  if (text !== null && !MEDIA_TYPE.test(text)) {
    throw badRequest('Content-Type', text, 'at most 255 printable ASCII characters')
  }
}
