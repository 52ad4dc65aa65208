/** The route table of the native API: every route, what it takes and what it answers. */
import { limits } from '../../../protocol/limits.ts'
import type { ApiRoute, Content, Parameter, Schema } from './api.ts'
import { clusterRoutes } from './cluster.ts'
import { command } from './command.ts'
import { deleteKey, getKey, putKey } from './key.ts'
import { listKeys } from './list.ts'
import { reference } from './openapi.ts'
import * as parameters from './parameters.ts'
import { PATCH_TYPES, patchKey } from './patch.ts'
import { batch, transact } from './txn.ts'
import { watch } from './watch.ts'

const JSON_TYPE = 'application/json'
const ANY_BYTES: Schema = {}

function json(description: string, schema: Schema, example?: unknown): Content {
  return { description, media: { [JSON_TYPE]: schema }, ...(example === undefined ? {} : { example }) }
}

function empty(description: string): Content {
  return { description, media: {} }
}

const { condition, consistency, db, idempotencyKey, key, minRevision, range } = parameters
const reading: readonly Parameter[] = [db, consistency, minRevision]
const writing: readonly Parameter[] = [db, idempotencyKey]
/** What a list of operations in one step may be refused with. */
const atomicProblems: ApiRoute['problems'] = [
  'TOO_LARGE',
  'UNSUPPORTED_TYPE',
  'IDEMPOTENCY_REUSED',
  'DISK_FULL',
  'NODE_DISK_FULL',
  'REPLY_NOT_KEPT',
]

const keyRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/kv/{key}',
    id: 'getKey',
    tag: 'keys',
    summary: 'The value of a key',
    description: 'Byte for byte, with the media type it was stored with. HEAD gives the headers alone.',
    parameters: [key, parameters.format, ...reading, ...condition],
    body: null,
    replies: {
      200: {
        description: 'The value; ETag is the revision of its last change.',
        media: { '*/*': ANY_BYTES, [JSON_TYPE]: reference('Item') },
      },
      304: empty('It is what If-None-Match names.'),
    },
    problems: ['NOT_FOUND', 'PRECONDITION_FAILED', 'CORRUPT'],
    bodyBytes: 0,
    handle: getKey,
  },
  {
    method: 'PUT',
    path: '/v1/kv/{key}',
    id: 'putKey',
    tag: 'keys',
    summary: 'Creates or replaces a key',
    description: 'The body is the value. Without ?ttl and ?keep_ttl the key never expires.',
    parameters: [key, parameters.ttl, parameters.keepTtl, parameters.cas, ...writing, ...condition],
    body: { description: 'The value, of any media type.', media: { '*/*': ANY_BYTES } },
    replies: { 201: empty('Created.'), 204: empty('Replaced.') },
    problems: ['PRECONDITION_FAILED', 'TOO_LARGE', 'IDEMPOTENCY_REUSED', 'DISK_FULL', 'NODE_DISK_FULL'],
    bodyBytes: limits.valueBytes,
    handle: putKey,
  },
  {
    method: 'PATCH',
    path: '/v1/kv/{key}',
    id: 'patchKey',
    tag: 'keys',
    summary: 'Changes a part of a JSON value, or the time to live',
    description:
      'With a body: a JSON merge patch (RFC 7396). Without: ?ttl or ?persist alone. The rest stays.',
    parameters: [
      key,
      parameters.ttl,
      parameters.keepTtl,
      parameters.persist,
      parameters.cas,
      ...writing,
      ...condition,
    ],
    body: {
      description: 'The merge patch, or nothing.',
      media: Object.fromEntries(PATCH_TYPES.map((type) => [type, ANY_BYTES])),
    },
    replies: { 204: empty('Changed.') },
    problems: [
      'NOT_FOUND',
      'WRONG_TYPE',
      'PRECONDITION_FAILED',
      'UNSUPPORTED_TYPE',
      'TOO_LARGE',
      'CONTENDED',
      'IDEMPOTENCY_REUSED',
      'DISK_FULL',
      'NODE_DISK_FULL',
    ],
    bodyBytes: limits.valueBytes,
    handle: patchKey,
  },
  {
    method: 'DELETE',
    path: '/v1/kv/{key}',
    id: 'deleteKey',
    tag: 'keys',
    summary: 'Deletes a key',
    description: '',
    parameters: [key, parameters.cas, ...writing, ...condition],
    body: null,
    replies: { 204: empty('Deleted.') },
    problems: ['NOT_FOUND', 'PRECONDITION_FAILED', 'IDEMPOTENCY_REUSED', 'NODE_DISK_FULL'],
    bodyBytes: 0,
    handle: deleteKey,
  },
  {
    method: 'GET',
    path: '/v1/kv',
    id: 'listKeys',
    tag: 'keys',
    summary: 'Keys by prefix or range, in byte order',
    description:
      'All pages of one listing show one moment. A cursor lives 60 s from its last use, at the node that gave it.',
    parameters: [
      ...range.filter((row) => row.name !== 'key'),
      parameters.limit,
      parameters.cursor,
      parameters.reverse,
      parameters.keysOnly,
      ...reading,
    ],
    body: null,
    replies: { 200: json('A page; `Link: rel="next"` leads to the next one.', reference('Page')) },
    problems: ['CURSOR_EXPIRED', 'CORRUPT'],
    bodyBytes: 0,
    handle: listKeys,
  },
]

const otherRoutes: readonly ApiRoute[] = [
  {
    method: 'POST',
    path: '/v1/batch',
    id: 'batch',
    tag: 'transactions',
    summary: 'Many operations at one moment',
    description: 'All of them take effect, at one revision, or none does.',
    parameters: writing,
    body: json('In the order in which they run.', reference('BatchRequest'), {
      ops: [
        { op: 'set', key: 'user:1', value: 'Ada', ttl: '1h' },
        { op: 'get', key: 'user:2' },
      ],
    }),
    replies: { 200: json('What each did.', reference('BatchReply')) },
    problems: atomicProblems,
    bodyBytes: limits.jsonBodyBytes,
    handle: batch,
  },
  {
    method: 'POST',
    path: '/v1/txn',
    id: 'transact',
    tag: 'transactions',
    summary: 'Compares, then one of two lists of operations',
    description: '`then` runs when every compare holds, else `else`; all at one moment.',
    parameters: writing,
    body: json('Any of the three may be left out.', reference('TxnRequest'), {
      compare: [{ key: 'seat:12', exists: false }],
      then: [{ op: 'set', key: 'seat:12', value: 'Ada' }],
      else: [{ op: 'get', key: 'seat:12' }],
    }),
    replies: { 200: json('Which list ran, and what it did.', reference('TxnReply')) },
    problems: atomicProblems,
    bodyBytes: limits.jsonBodyBytes,
    handle: transact,
  },
  {
    method: 'GET',
    path: '/v1/watch',
    id: 'watch',
    tag: 'watch',
    summary: 'Changes as they happen',
    description:
      'In order, without gaps, resumable at any node by the id of the last event. Ends with the event `compacted` ' +
      'when the client falls too far behind.',
    parameters: [...range, parameters.after, parameters.lastEventId, parameters.watchFormat, db],
    body: null,
    replies: {
      200: {
        description: 'Server-sent events, or one JSON object per line.',
        media: { 'text/event-stream': ANY_BYTES, 'application/x-ndjson': reference('WatchEvent') },
      },
    },
    problems: ['COMPACTED'],
    bodyBytes: 0,
    handle: watch,
  },
  {
    method: 'POST',
    path: '/v1/command',
    id: 'command',
    tag: 'commands',
    summary: 'A Redis command',
    description:
      'Commands that belong to a connection (MULTI, SUBSCRIBE, SELECT…) are refused. What the cluster executes takes ' +
      'an Idempotency-Key; errors are not kept under it.',
    parameters: [...reading, idempotencyKey],
    body: json('The command and its arguments: text, numbers, or {"base64": …}.', reference('Command'), [
      'SET',
      'greeting',
      'hello',
    ]),
    replies: { 200: json('Its reply, as JSON.', reference('CommandReply')) },
    problems: [
      'COMMAND_FAILED',
      'WRONG_TYPE',
      'TOO_LARGE',
      'UNSUPPORTED_TYPE',
      'DISK_FULL',
      'NODE_DISK_FULL',
      'IDEMPOTENCY_REUSED',
      'REPLY_NOT_KEPT',
    ],
    bodyBytes: limits.jsonBodyBytes,
    handle: command,
  },
]

/** Every route of the native API. */
export const routes: readonly ApiRoute[] = [...keyRoutes, ...otherRoutes, ...clusterRoutes]
