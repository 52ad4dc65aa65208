/**
 * The KV command against a model of a few lines: same answers, same revisions, same state on two replicas of which one
 * misses at random and is saved and loaded again in between.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../lib/random.ts'
import type { KvCompare, KvExpiry, KvOperation, KvRequest } from '../protocol/kv.ts'
import { isKvFailure, type KvItem, type KvReply, type KvResult } from '../protocol/kv-reply.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { anyKvRequest, tryKv } from '../testing/engine/kv-requests.ts'
import { MapStore } from '../testing/storage/map-store.ts'

const SEED = 20_260_101
const START_MS = 1_000_000

type ModelItem = KvItem & { readonly value: Buffer }

/** What the command should do, said the simplest way. */
class Model {
  readonly items = new Map<string, ModelItem>()
  readonly remembered = new Map<string, { fingerprint: string; reply: KvReply }>()
  revision = 0
  nowMs = START_MS
  #changed = false

  run({ compares, then, otherwise, idempotency }: KvRequest): KvReply | 'reused' {
    const operations = [...then, ...otherwise]
    const isRead = operations.every(({ kind }) => kind === 'get')
    const key = idempotency === null || isRead ? null : idempotency.key.toString()
    const known = key === null ? undefined : this.remembered.get(key)
    const fingerprint = idempotency?.fingerprint.toString() ?? ''
    if (known !== undefined)
      return known.fingerprint === fingerprint ? { ...known.reply, replayed: true } : 'reused'
    this.#changed = false
    const failedCompare = compares.findIndex((compare) => !this.#holds(compare))
    const succeeded = failedCompare < 0
    const results = (succeeded ? then : otherwise).map((operation) => this.#apply(operation))
    if (this.#changed) this.revision++
    const { revision, nowMs: timeMs } = this
    const reply = { succeeded, replayed: false, failedCompare, revision, timeMs, results }
    if (key !== null) this.remembered.set(key, { fingerprint, reply })
    return reply
  }

  #see(key: Buffer): ModelItem | null {
    const item = this.items.get(key.toString())
    return item === undefined || (item.expiresAt !== 0 && item.expiresAt <= this.nowMs) ? null : item
  }

  #holds(compare: KvCompare): boolean {
    const item = this.#see(compare.key)
    if (compare.target === 'exists') return (item !== null) === compare.exists
    if (compare.target === 'value') {
      const isEqual = item?.value.equals(compare.value) ?? false
      return compare.operator === '=' ? isEqual : !isEqual
    }
    const number = item?.[compare.target] ?? 0
    const { operator, values } = compare
    if (operator === '=' || operator === '!=')
      return values.some((value) => value === number) === (operator === '=')
    return operator === '<' ? number < (values[0] ?? 0) : number > (values[0] ?? 0)
  }

  #apply(operation: KvOperation): KvResult {
    const before = this.#see(operation.key)
    const found = before !== null
    const previous = 'previous' in operation && operation.previous ? before : null
    switch (operation.kind) {
      case 'get':
        return { found, item: operation.metadataOnly ? bare(before) : before, previous }
      case 'delete':
        if (found) this.#delete(operation.key)
        return { found, item: null, previous }
      case 'put': {
        const { key, value, contentType } = operation
        return { found, item: bare(this.#put(key, value, contentType, operation.expiry)), previous }
      }
      case 'update': {
        if (before === null) return { found, item: null, previous }
        const contentType = operation.contentType === 'keep' ? before.contentType : operation.contentType.set
        const after = this.#put(operation.key, before.value, contentType, operation.expiry)
        if (after === null) this.#delete(operation.key)
        return { found, item: bare(after), previous }
      }
    }
  }

  #put(key: Buffer, value: Buffer, contentType: string | null, expiry: KvExpiry): ModelItem | null {
    const before = this.#see(key)
    const modRevision = this.revision + 1
    this.items.set(key.toString(), {
      value,
      contentType,
      createRevision: before?.createRevision ?? modRevision,
      modRevision,
      version: (before?.version ?? 0) + 1,
      createdAt: before?.createdAt ?? this.nowMs,
      updatedAt: this.nowMs,
      expiresAt: this.#expiresAt(expiry, before),
    })
    this.#changed = true
    return this.#see(key)
  }

  #expiresAt(expiry: KvExpiry, before: ModelItem | null): number {
    if (expiry.kind === 'keep') return before?.expiresAt ?? 0
    if (expiry.kind === 'none') return 0
    return expiry.kind === 'at' ? expiry.ms : this.nowMs + expiry.ms
  }

  #delete(key: Buffer): void {
    this.items.delete(key.toString())
    this.#changed = true
  }
}

function bare(item: KvItem | null): KvItem | null {
  return item === null ? null : { ...item, value: null }
}

const anyStep = fc.record({ request: anyKvRequest, passMs: fc.constantFrom(0, 0, 1, 30) })

test('the KV command does what the model says, on every replica', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), fc.nat(), (steps, seed) => {
      const model = new Model()
      const random = new SeededRandom(seed)
      const steady = new EngineClient(new MapStore(), START_MS)
      const missing = new EngineClient(new MapStore({ random, missShare: 0.4 }), START_MS)
      for (const { request, passMs } of steps) {
        for (const part of [model, steady, missing]) part.nowMs += passMs
        const expected = model.run(request)
        for (const client of [steady, missing]) {
          const reply = tryKv(client, request)
          if (isKvFailure(reply)) assert.deepEqual([reply.error, expected], ['IDEMPOTENCY_REUSED', 'reused'])
          else assert.deepEqual(reply, expected)
        }
        if (random.float() < 0.1) missing.engine.load(missing.engine.save())
      }
      assert.deepEqual(missing.engine.save(), steady.engine.save())
      assert.equal(steady.engine.revision, model.revision)
    }),
    { seed: SEED, numRuns: 300 },
  )
})
