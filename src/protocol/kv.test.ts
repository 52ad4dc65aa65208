/** The bytes of the KV command and of its reply. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyKvRequest, kvPut, kvRequest } from '../testing/engine/kv-requests.ts'
import { checkKv, decodeKv, encodeKv } from './kv.ts'
import { decodeKvReply, encodeKvReply, isKvFailure, type KvItem, markReplayed } from './kv-reply.ts'
import { limits } from './limits.ts'
import { errorCodeReply } from './reply.ts'

const SEED = 17
const item: KvItem = {
  value: Buffer.from('v\r\n$'),
  contentType: 'text/plain',
  createRevision: 3,
  modRevision: 2 ** 40,
  version: 2,
  createdAt: 1_700_000_000_000,
  updatedAt: 1_700_000_000_001,
  expiresAt: 0,
}

test('a request is read back as it was written', () => {
  fc.assert(
    fc.property(anyKvRequest, (request) => {
      assert.deepEqual(decodeKv(encodeKv(request)), request)
    }),
    { seed: SEED },
  )
})

test('a reply is read back as it was written, and can be marked as replayed', () => {
  const reply = {
    succeeded: true,
    replayed: false,
    failedCompare: -1,
    revision: 7,
    timeMs: 1_700_000_000_002,
    results: [
      { found: true, item, previous: { ...item, contentType: null } },
      { found: false, item: null, previous: null },
      { found: true, item: { ...item, value: null }, previous: null },
    ],
  }
  const bytes = encodeKvReply(reply)
  assert.deepEqual(decodeKvReply(bytes), reply)
  assert.deepEqual(decodeKvReply(markReplayed(bytes)), { ...reply, replayed: true })
  assert.deepEqual(decodeKvReply(bytes), reply, 'the kept reply stays as it is')
})

test('an error reply names its row of the error table', () => {
  for (const code of [
    'DISK_FULL',
    'IDEMPOTENCY_REUSED',
    'REPLY_NOT_KEPT',
    'UNKNOWN_OUTCOME',
    'TOO_LARGE',
  ] as const) {
    const failure = decodeKvReply(errorCodeReply(code, 'why'))
    assert(isKvFailure(failure))
    assert.equal(failure.error, code)
    assert.match(failure.text, /: why$/)
  }
})

test('requests beyond a limit are refused with the reason', () => {
  const many = Array.from({ length: limits.kvOperations + 1 }, () => kvPut('k', 'v'))
  const key = Buffer.from('k')
  const cases: [Parameters<typeof kvRequest>[0], RegExp][] = [
    [{ then: many }, /10001 compares and operations/],
    [
      { then: [{ kind: 'delete', key: Buffer.alloc(limits.keyBytes + 1), previous: false }] },
      /key is 65537 bytes/,
    ],
    [{ compares: [{ target: 'version', key, operator: '<', values: [1, 2] }] }, /wants one number/],
    [{ compares: [{ target: 'version', key, operator: '=', values: [-1] }] }, /out of range/],
    [{ compares: [{ target: 'version', key, operator: '=', values: [] }] }, /1 to 255/],
    [{ then: [kvPut('k', 'v', { expiry: { kind: 'ttl', ms: 0 } })] }, /invalid expire time/],
    [{ then: [kvPut('k', 'v', { expiry: { kind: 'ttl', ms: limits.ttlMs + 1 } })] }, /invalid expire time/],
    [{ then: [kvPut('k', 'v', { contentType: 'x'.repeat(256) })] }, /content type is longer/],
    [{ idempotency: { key: Buffer.alloc(0), fingerprint: key } }, /1 to 255 bytes/],
    [{ idempotency: { key: Buffer.alloc(256), fingerprint: key } }, /1 to 255 bytes/],
  ]
  for (const [parts, expected] of cases) assert.match(checkKv(kvRequest(parts)) ?? '', expected)
  assert.equal(checkKv(kvRequest({ then: many.slice(1) })), null)
})
