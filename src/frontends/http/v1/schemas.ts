/** The shapes that several routes speak of: JSON Schemas (2020-12) under components/schemas of the OpenAPI document. */
import { errors } from '../../../protocol/errors.ts'
import { limits } from '../../../protocol/limits.ts'
import type { Schema } from './api.ts'

const text: Schema = { type: 'string' }
const base64: Schema = { type: 'string', contentEncoding: 'base64' }
const revision: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const time: Schema = { type: 'string', format: 'date-time' }
const ttl: Schema = {
  description: 'Time to live: a number of seconds, or text such as 90s, 1500ms, 5m, 2h, 1d.',
  oneOf: [
    { type: 'number', exclusiveMinimum: 0 },
    { type: 'string', pattern: '^\\d{1,15}(ms|s|m|h|d)?$' },
  ],
}

/** Exactly one of `name` and `name_base64`. */
function oneForm(name: string): Schema {
  return { oneOf: [{ required: [name] }, { required: [`${name}_base64`] }] }
}

const key = { key: text, key_base64: base64 }
const value = { value: text, value_base64: base64 }

function object(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  ...all: Schema[]
): Schema {
  const closed = { type: 'object', properties, required, additionalProperties: false }
  return all.length === 0 ? closed : { ...closed, allOf: all }
}

function operationOf(name: string, properties: Readonly<Record<string, Schema>>, ...all: Schema[]): Schema {
  return object({ op: { const: name }, ...key, ...properties }, ['op'], oneForm('key'), ...all)
}

function compareOf(name: string, properties: Readonly<Record<string, Schema>>, ...all: Schema[]): Schema {
  const required = name === 'value' ? [] : [name]
  return object({ ...key, ...properties }, required, oneForm('key'), ...all)
}

export const schemas = {
  Problem: {
    type: 'object',
    description: 'RFC 9457.',
    required: ['type', 'title', 'status', 'code', 'effect', 'retryable'],
    properties: {
      type: { type: 'string', description: 'Where this node explains the code.' },
      title: text,
      status: { type: 'integer' },
      detail: text,
      code: { enum: Object.keys(errors) },
      effect: {
        enum: ['none', 'unknown', 'applied'],
        description: 'Whether the request took effect.',
      },
      retryable: {
        type: 'boolean',
        description: 'Sending it again may help and cannot apply it twice.',
      },
    },
  },
  Item: {
    type: 'object',
    description:
      'What is known of a key, which stands in it or above it. What is not UTF-8 comes as …_base64.',
    required: [
      'type',
      'revision',
      'create_revision',
      'version',
      'created_at',
      'updated_at',
      'expires_at',
      'ttl_ms',
    ],
    properties: {
      ...key,
      ...value,
      type: { type: ['string', 'null'], description: 'The media type that it was stored with.' },
      revision: { ...revision, description: 'Of its last change: its ETag.' },
      create_revision: revision,
      version: { ...revision, description: 'Changes since its creation; 1 = created.' },
      created_at: time,
      updated_at: time,
      expires_at: { ...time, type: ['string', 'null'] },
      ttl_ms: { type: ['integer', 'null'] },
    },
  },
  Compare: {
    description: 'Holds or does not; an absent key has the revision 0 and the version 0.',
    oneOf: [
      compareOf('exists', { exists: { type: 'boolean' } }),
      compareOf('revision', { revision, operator: { enum: ['=', '!=', '<', '>'] } }),
      compareOf('create_revision', { create_revision: revision, operator: { enum: ['=', '!=', '<', '>'] } }),
      compareOf('version', { version: revision, operator: { enum: ['=', '!=', '<', '>'] } }),
      compareOf('value', { ...value, operator: { enum: ['=', '!='] } }, oneForm('value')),
    ],
  },
  Operation: {
    oneOf: [
      operationOf('get', { metadata_only: { type: 'boolean' } }),
      operationOf(
        'set',
        {
          ...value,
          type: { type: ['string', 'null'] },
          ttl,
          keep_ttl: { type: 'boolean' },
          previous: { type: 'boolean' },
        },
        oneForm('value'),
      ),
      operationOf('delete', { previous: { type: 'boolean' } }),
    ],
  },
  Result: {
    type: 'object',
    description: 'What one operation did.',
    required: ['op', 'found'],
    properties: {
      op: { enum: ['get', 'set', 'delete'] },
      ...key,
      found: { type: 'boolean', description: 'The key was there when the operation came to it.' },
      item: { oneOf: [{ $ref: '#/components/schemas/Item' }, { type: 'null' }] },
      previous: { oneOf: [{ $ref: '#/components/schemas/Item' }, { type: 'null' }] },
    },
  },
  BatchRequest: object(
    {
      ops: {
        type: 'array',
        minItems: 1,
        maxItems: limits.kvOperations,
        items: { $ref: '#/components/schemas/Operation' },
      },
    },
    ['ops'],
  ),
  BatchReply: {
    type: 'object',
    required: ['revision', 'results'],
    properties: { revision, results: { type: 'array', items: { $ref: '#/components/schemas/Result' } } },
  },
  TxnRequest: object(
    {
      compare: { type: 'array', items: { $ref: '#/components/schemas/Compare' } },
      then: { type: 'array', items: { $ref: '#/components/schemas/Operation' } },
      else: { type: 'array', items: { $ref: '#/components/schemas/Operation' } },
    },
    [],
  ),
  TxnReply: {
    type: 'object',
    required: ['succeeded', 'failed_compare', 'revision', 'results'],
    properties: {
      succeeded: { type: 'boolean', description: 'Every compare held, and `then` ran; else `else` did.' },
      failed_compare: { type: ['integer', 'null'], description: 'The first compare that did not hold.' },
      revision,
      results: { type: 'array', items: { $ref: '#/components/schemas/Result' } },
    },
  },
  Page: {
    type: 'object',
    required: ['items', 'revision', 'next_cursor'],
    properties: {
      items: { type: 'array', items: { $ref: '#/components/schemas/Item' } },
      revision: { ...revision, description: 'Of the snapshot: all pages of a listing have the same.' },
      next_cursor: { type: ['string', 'null'], description: 'Null on the last page.' },
    },
  },
  WatchEvent: {
    type: 'object',
    description:
      'One change, or what the stream says of itself (progress, compacted). `id` is what ?after takes.',
    required: ['id', 'event', 'revision'],
    properties: {
      id: { type: 'string', description: 'The revision, a hyphen, and the place among its changes.' },
      event: { enum: ['put', 'delete', 'expire', 'flush', 'swap', 'progress', 'compacted'] },
      revision,
      ...key,
      item: { $ref: '#/components/schemas/Item' },
      database: { type: 'integer' },
      leader: {
        type: ['string', 'null'],
        description: 'progress: whom the node takes for the leader; null = nobody.',
      },
      other_database: { type: 'integer', description: 'swap: with which it was exchanged.' },
    },
  },
  Command: {
    type: 'array',
    minItems: 1,
    items: { oneOf: [text, { type: 'number' }, object({ base64 }, ['base64'])] },
  },
  CommandReply: {
    type: 'object',
    required: ['type', 'result'],
    properties: {
      type: { enum: ['status', 'string', 'integer', 'double', 'boolean', 'null', 'array', 'set', 'map'] },
      result: { description: 'Bytes that are not UTF-8 stand as {"base64": …}, large integers as text.' },
    },
  },
  Cluster: {
    type: 'object',
    required: ['cluster_id', 'node', 'leader', 'term', 'revision', 'quorum', 'nodes'],
    properties: {
      cluster_id: text,
      node: { type: 'string', description: 'The node that answers.' },
      leader: { type: ['string', 'null'] },
      term: { type: 'integer' },
      revision,
      quorum: { type: 'boolean', description: 'A majority of the voters is reachable from here.' },
      nodes: { type: 'array', items: { $ref: '#/components/schemas/Node' } },
    },
  },
  Node: {
    type: 'object',
    required: ['name', 'role', 'reachable', 'peer_address', 'redis_address', 'http_address'],
    properties: {
      name: text,
      role: { enum: ['leader', 'follower', 'learner'] },
      reachable: { type: 'boolean', description: 'From the node that answers, within the last second.' },
      peer_address: text,
      redis_address: text,
      http_address: text,
      match_index: {
        type: ['integer', 'null'],
        description: 'What is known to be in its log; null when the node that answers cannot know.',
      },
    },
  },
  NewNode: object({ name: text, peer_address: text }, ['name', 'peer_address']),
  Replacement: object({ name: text, peer_address: text }, ['name', 'peer_address']),
  Transfer: object({ to: text }, []),
} as const satisfies Record<string, Schema>
