/** KV commands for tests: requests from a few words, random ones for fast-check, and one run on an engine. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { kvCommand } from '../../engine/kv.ts'
import {
  checkKv,
  type KvCompare,
  type KvExpiry,
  type KvIdempotency,
  type KvOperation,
  type KvRequest,
} from '../../protocol/kv.ts'
import { decodeKvReply, isKvFailure, type KvReply } from '../../protocol/kv-reply.ts'
import type { EngineClient } from './engine-client.ts'

/** A request; what is not given is empty. */
export function kvRequest(parts: Partial<KvRequest>): KvRequest {
  return { compares: [], then: [], otherwise: [], idempotency: null, ...parts }
}

/** A put without frills. */
export function kvPut(
  key: string,
  value: string,
  options: Partial<KvOperation & { kind: 'put' }> = {},
): KvOperation {
  const plain = { contentType: null, expiry: { kind: 'none' }, previous: false } as const
  return { kind: 'put', key: Buffer.from(key), value: Buffer.from(value), ...plain, ...options }
}

export function kvGet(key: string, metadataOnly = false): KvOperation {
  return { kind: 'get', key: Buffer.from(key), metadataOnly }
}

export function kvDelete(key: string, previous = false): KvOperation {
  return { kind: 'delete', key: Buffer.from(key), previous }
}

/** The condition of If-Match and the like. */
export function kvIfRevision(key: string, ...values: number[]): KvCompare {
  return { target: 'modRevision', operator: '=', key: Buffer.from(key), values }
}

export function kvIdempotency(key: string, fingerprint = 'f'): KvIdempotency {
  return { key: Buffer.from(key), fingerprint: Buffer.from(fingerprint) }
}

/** Runs it as a door would; an error reply fails the test. */
export function runKv(client: EngineClient, parts: Partial<KvRequest>): KvReply {
  const reply = tryKv(client, parts)
  if (isKvFailure(reply)) assert.fail(`KV command failed: ${reply.text}`)
  return reply
}

/** Runs it and takes an error reply for an answer. */
export function tryKv(client: EngineClient, parts: Partial<KvRequest>): ReturnType<typeof decodeKvReply> {
  const request = kvRequest(parts)
  assert.equal(checkKv(request), null)
  return decodeKvReply(client.execute(kvCommand(client.database, request)))
}

const PLAIN = { noNullPrototype: true }
const KEYS = ['a', 'b', 'c', 'd']
const key = fc.constantFrom(...KEYS).map((text) => Buffer.from(text))
const value = fc.uint8Array({ maxLength: 4 }).map((array) => Buffer.from(array))
const contentType = fc.constantFrom(null, 'text/plain', 'application/json')
const expiry: fc.Arbitrary<KvExpiry> = fc.oneof(
  fc.constant({ kind: 'keep' } as const),
  fc.constant({ kind: 'none' } as const),
  fc.record({ kind: fc.constant('ttl' as const), ms: fc.integer({ min: 1, max: 60 }) }, PLAIN),
  fc.record({ kind: fc.constant('at' as const), ms: fc.integer({ min: 999_990, max: 1_000_200 }) }, PLAIN),
)
/** Operations on few keys with short values and expiries that are near. */
const anyOperation: fc.Arbitrary<KvOperation> = fc.oneof(
  fc.record({ kind: fc.constant('get' as const), key, metadataOnly: fc.boolean() }, PLAIN),
  fc.record(
    { kind: fc.constant('put' as const), key, value, contentType, expiry, previous: fc.boolean() },
    PLAIN,
  ),
  fc.record(
    {
      kind: fc.constant('update' as const),
      key,
      contentType: fc.oneof(fc.constant('keep' as const), fc.record({ set: contentType }, PLAIN)),
      expiry,
    },
    PLAIN,
  ),
  fc.record({ kind: fc.constant('delete' as const), key, previous: fc.boolean() }, PLAIN),
)

/** Conditions on the same keys. */
const anyCompare: fc.Arbitrary<KvCompare> = fc.oneof(
  fc.record({ target: fc.constant('exists' as const), key, exists: fc.boolean() }, PLAIN),
  fc.record(
    {
      target: fc.constantFrom('modRevision' as const, 'createRevision' as const, 'version' as const),
      key,
      operator: fc.constantFrom('=' as const, '!=' as const),
      values: fc.array(fc.nat(12), { minLength: 1, maxLength: 4 }),
    },
    PLAIN,
  ),
  fc.record(
    {
      target: fc.constantFrom('modRevision' as const, 'createRevision' as const, 'version' as const),
      key,
      operator: fc.constantFrom('<' as const, '>' as const),
      values: fc.nat(12).map((number) => [number]),
    },
    PLAIN,
  ),
  fc.record(
    {
      target: fc.constant('value' as const),
      key,
      operator: fc.constantFrom('=' as const, '!=' as const),
      value,
    },
    PLAIN,
  ),
)

/** Whole requests, some with one of few idempotency keys. */
export const anyKvRequest: fc.Arbitrary<KvRequest> = fc.record(
  {
    compares: fc.array(anyCompare, { maxLength: 2 }),
    then: fc.array(anyOperation, { maxLength: 4 }),
    otherwise: fc.array(anyOperation, { maxLength: 2 }),
    idempotency: fc.option(
      fc.record(
        {
          key: fc.constantFrom('k1', 'k2', 'k3').map((text) => Buffer.from(text)),
          fingerprint: fc.constantFrom('f', 'g').map((text) => Buffer.from(text)),
        },
        PLAIN,
      ),
      { freq: 3 },
    ),
  },
  PLAIN,
)
