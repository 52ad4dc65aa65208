/** The KV command: what it reads, what it changes, and what it remembers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import { readU64 } from '../lib/bytes.ts'
import type { KvOperation } from '../protocol/kv.ts'
import { decodeKvReply, isKvFailure, type KvItem } from '../protocol/kv-reply.ts'
import { limits } from '../protocol/limits.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'
import {
  kvDelete,
  kvGet,
  kvIdempotency,
  kvIfRevision,
  kvPut,
  kvRequest,
  runKv,
  tryKv,
} from '../testing/engine/kv-requests.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { internalCommands } from './command-table.ts'
import type { CommandContext } from './context.ts'
import { DATABASE_COUNT } from './databases.ts'
import { KvEngine } from './engine.ts'
import { IdempotencyTable } from './idempotency.ts'
import { kvCommand } from './kv.ts'

const JSON_TYPE = 'application/json'
const IN_A_MINUTE = { kind: 'ttl', ms: 60_000 } as const
const SHORT = Buffer.from('-GONE\r\n')

function itemOf(client: EngineClient, key: string): KvItem | null {
  return runKv(client, { then: [kvGet(key)] }).results[0]?.item ?? null
}

test('a put answers with everything that is known of the key, and what it replaced', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'old')
  client.nowMs += 5
  const put = kvPut('k', 'new', { contentType: JSON_TYPE, expiry: { kind: 'ttl', ms: 100 }, previous: true })
  const reply = runKv(client, { then: [put] })
  assert.deepEqual([reply.succeeded, reply.revision, reply.timeMs], [true, 2, client.nowMs])
  const [result] = reply.results
  assert.deepEqual(result?.item, {
    value: null,
    contentType: JSON_TYPE,
    createRevision: 1,
    modRevision: 2,
    version: 2,
    createdAt: client.nowMs - 5,
    updatedAt: client.nowMs,
    expiresAt: client.nowMs + 100,
  })
  assert.equal(result?.previous?.value?.toString(), 'old')
  assert.equal(result?.previous?.contentType, null)
  assert.equal(client.run('GET', 'k'), '$3\r\nnew\r\n')
})

test('what a list of operations does is one revision, and later operations see earlier ones', () => {
  const client = new EngineClient()
  const reply = runKv(client, {
    then: [kvPut('a', '1'), kvPut('b', '2'), kvGet('a'), kvDelete('b', true), kvGet('b')],
  })
  assert.equal(reply.revision, 1)
  assert.equal(client.engine.revision, 1)
  assert.deepEqual(
    reply.results.map(({ found, item }) => [found, item?.modRevision]),
    [
      [false, 1],
      [false, 1],
      [true, 1],
      [true, undefined],
      [false, undefined],
    ],
  )
})

test('a command that changes nothing makes no revision and answers with that of the state', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'v')
  const reply = runKv(client, { then: [kvDelete('absent')] })
  assert.deepEqual([reply.revision, client.engine.revision, reply.results[0]?.found], [1, 1, false])
})

test('of 64 writers that race on one revision exactly one wins, and each round has another ETag', () => {
  const client = new EngineClient()
  let revision = runKv(client, { then: [kvPut('k', 'start')] }).revision
  for (let round = 0; round < 10; round++) {
    const expected = revision
    const replies = Array.from({ length: 64 }, (_, i) =>
      runKv(client, { compares: [kvIfRevision('k', expected)], then: [kvPut('k', `${round}:${i}`)] }),
    )
    const winners = replies.filter((reply) => reply.succeeded)
    assert.equal(winners.length, 1)
    revision = winners[0]?.revision ?? 0
    assert(revision > expected)
    assert.equal(itemOf(client, 'k')?.modRevision, revision)
  }
})

test('a failed compare is named, and the other list runs', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'v')
  const reply = runKv(client, {
    compares: [
      { target: 'exists', key: Buffer.from('k'), exists: true },
      { target: 'value', key: Buffer.from('k'), operator: '=', value: Buffer.from('other') },
    ],
    then: [kvPut('k', 'never')],
    otherwise: [kvGet('k', true)],
  })
  assert.deepEqual([reply.succeeded, reply.failedCompare, client.engine.revision], [false, 1, 1])
  assert.deepEqual([reply.results[0]?.item?.modRevision, reply.results[0]?.item?.value], [1, null])
})

test('an absent key has revision 0 and no value', () => {
  const client = new EngineClient()
  const key = Buffer.from('absent')
  const value = Buffer.alloc(0)
  const holds = (compare: Parameters<typeof kvRequest>[0]['compares']): boolean =>
    runKv(client, { compares: compare ?? [] }).succeeded
  assert(holds([{ target: 'modRevision', key, operator: '=', values: [0] }]))
  assert(holds([{ target: 'modRevision', key, operator: '!=', values: [3, 4] }]))
  assert(holds([{ target: 'version', key, operator: '<', values: [1] }]))
  assert(!holds([{ target: 'value', key, operator: '=', value }]))
  assert(holds([{ target: 'value', key, operator: '!=', value }]))
  assert(!holds([{ target: 'exists', key, exists: true }]))
})

test('an update changes expiry and content type and leaves the value; a past time deletes', () => {
  const client = new EngineClient()
  runKv(client, { then: [kvPut('k', 'v', { contentType: JSON_TYPE })] })
  const key = Buffer.from('k')
  const update = (parts: object): KvItem | null | undefined =>
    runKv(client, {
      then: [{ kind: 'update', key, contentType: 'keep', expiry: { kind: 'keep' }, ...parts }],
    }).results[0]?.item
  assert.equal(update({ expiry: { kind: 'ttl', ms: 50 } })?.expiresAt, client.nowMs + 50)
  assert.equal(update({ contentType: { set: 'text/plain' } })?.contentType, 'text/plain')
  assert.equal(itemOf(client, 'k')?.expiresAt, client.nowMs + 50)
  assert.deepEqual([itemOf(client, 'k')?.value?.toString(), itemOf(client, 'k')?.version], ['v', 3])
  assert.equal(update({ expiry: { kind: 'at', ms: client.nowMs } }), null)
  assert.equal(client.run('EXISTS', 'k'), ':0\r\n')
  assert.equal(update({}), null)
})

test('a content type stays with changes of a value and goes with a new one', () => {
  const client = new EngineClient()
  const typeAfter = (value: string, ...commands: string[]): (string | null | undefined)[] => {
    runKv(client, { then: [kvPut('k', value, { contentType: JSON_TYPE }), kvDelete('to')] })
    for (const command of commands) client.run(...command.split(' '))
    return [itemOf(client, 'k')?.contentType, itemOf(client, 'to')?.contentType]
  }
  for (const command of [
    'INCR k',
    'APPEND k 1',
    'SETRANGE k 0 9',
    'SETBIT k 7 1',
    'BITFIELD k SET u8 0 49',
    'INCRBYFLOAT k 1',
  ])
    assert.equal(typeAfter('1', command)[0], JSON_TYPE, command)
  for (const command of ['EXPIRE k 100', 'GETEX k EX 100', 'PERSIST k'])
    assert.equal(typeAfter('1', command)[0], JSON_TYPE, command)
  for (const command of [
    'SET k 1',
    'SET k 1 KEEPTTL',
    'GETSET k 1',
    'MSET k 1',
    'SETEX k 9 1',
    'BITOP NOT k k',
  ])
    assert.equal(typeAfter('1', command)[0], null, command)
  assert.deepEqual(typeAfter('1', 'RENAME k to'), [undefined, JSON_TYPE])
  assert.deepEqual(typeAfter('1', 'COPY k to'), [JSON_TYPE, JSON_TYPE])
  assert.equal(client.run('GET', 'to'), '$1\r\n1\r\n')
})

test('DUMP leaves the content type out, and RESTORE makes a key without one', () => {
  const client = new EngineClient()
  runKv(client, { then: [kvPut('k', 'v', { contentType: JSON_TYPE })] })
  const dumped = Buffer.from(client.run('DUMP', 'k'), 'latin1')
  const payload = dumped.subarray(dumped.indexOf(0x0a) + 1, -2)
  assert.equal(client.run('RESTORE', 'copy', 0, payload), '+OK\r\n')
  assert.deepEqual(
    [itemOf(client, 'copy')?.contentType, itemOf(client, 'copy')?.value?.toString()],
    [null, 'v'],
  )
})

test('an idempotency key gives the first reply again and executes nothing', () => {
  const client = new EngineClient()
  const request = { then: [kvPut('k', 'v')], idempotency: kvIdempotency('once') }
  const first = runKv(client, request)
  client.run('SET', 'k', 'other')
  const again = runKv(client, request)
  assert.deepEqual(again, { ...first, replayed: true })
  assert.equal(client.run('GET', 'k'), '$5\r\nother\r\n')
  assert.equal(client.engine.revision, 2)
  const reused = tryKv(client, { ...request, idempotency: kvIdempotency('once', 'another request') })
  assert(isKvFailure(reused))
  assert.equal(reused.error, 'IDEMPOTENCY_REUSED')
})

test('a compare that failed is a first reply too', () => {
  const client = new EngineClient()
  const request = {
    compares: [{ target: 'exists', key: Buffer.from('k'), exists: true } as const],
    then: [kvPut('k', 'v')],
    idempotency: kvIdempotency('once'),
  }
  assert.equal(runKv(client, request).succeeded, false)
  client.run('SET', 'k', 'now it is there')
  const again = runKv(client, request)
  assert.deepEqual([again.succeeded, again.replayed], [false, true])
})

test('idempotency keys survive saving, restarting and a snapshot: their rows are in the store', () => {
  const client = new EngineClient()
  const request = { then: [kvPut('k', 'v')], idempotency: kvIdempotency('once') }
  const first = runKv(client, request)
  const engine = new KvEngine(client.store)
  engine.load(client.engine.save())
  const { spec, args } = kvCommand(0, kvRequest(request))
  engine.beginEntry(client.nowMs + 1)
  engine.openSession(9, 8, 'another process')
  const again = engine.executeWrite({ code: spec.code, database: 0, args }, 9, 0)
  assert.deepEqual(decodeKvReply(again), { ...first, replayed: true })
  assert.equal(engine.revision, first.revision)
})

test('an idempotency key grows old by the time of the log, and may then be used again', () => {
  const client = new EngineClient()
  const request = { then: [kvPut('k', 'v')], idempotency: kvIdempotency('once') }
  runKv(client, request)
  client.nowMs += limits.idempotencyMs - 1
  assert.equal(runKv(client, request).replayed, true)
  client.nowMs += 1
  assert.equal(runKv(client, request).replayed, false)
  assert.equal(runKv(client, request).replayed, true)
})

test('what grew old leaves the store as new keys come', () => {
  const client = new EngineClient()
  for (let i = 0; i < 20; i++) runKv(client, { then: [kvDelete('k')], idempotency: kvIdempotency(`old${i}`) })
  assert.equal(client.store.size, 40)
  client.nowMs += limits.idempotencyMs
  for (let i = 0; i < 20; i++) runKv(client, { then: [kvDelete('k')], idempotency: kvIdempotency(`new${i}`) })
  assert.equal(client.store.size, 40)
})

test('a reply that is too large to keep is replayed as an error that says it was applied', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'x'.repeat(limits.keptReplyBytes))
  const request = { then: [kvDelete('k', true)], idempotency: kvIdempotency('once') }
  assert.equal(runKv(client, request).results[0]?.found, true)
  const again = tryKv(client, request)
  assert(isKvFailure(again))
  assert.equal(again.error, 'REPLY_NOT_KEPT')
})

test('growth is refused for puts while disks are full; deletions go on', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'v')
  client.write({ database: 0, ...client.engine.growthCommand(true) })
  const put = tryKv(client, { then: [kvDelete('k'), kvPut('k', 'v')], idempotency: kvIdempotency('once') })
  assert(isKvFailure(put))
  assert.equal(put.error, 'DISK_FULL')
  assert.equal(runKv(client, { then: [kvDelete('k')] }).results[0]?.found, true)
  client.write({ database: 0, ...client.engine.growthCommand(false) })
  const request = { then: [kvPut('k', 'v')], idempotency: kvIdempotency('once') }
  assert.equal(runKv(client, request).replayed, false, 'a refusal is not remembered')
})

test('a reply with too many values is refused before anything changes', () => {
  const client = new EngineClient()
  const value = Buffer.alloc(limits.valueBytes)
  for (const key of ['a', 'b', 'c', 'd', 'e']) client.run('SET', key, value)
  const then = [kvPut('new', 'v'), ...['a', 'b', 'c', 'd', 'e'].map((key) => kvDelete(key, true))]
  const refused = tryKv(client, { then })
  assert(isKvFailure(refused))
  assert.equal(refused.error, 'TOO_LARGE')
  assert.equal(client.run('EXISTS', 'a', 'e', 'new'), ':2\r\n')
})

test('R20: updates that would copy too much are refused before anything changes', () => {
  const client = new EngineClient()
  client.run('SET', 'k', Buffer.alloc(limits.valueBytes))
  const update: KvOperation = {
    kind: 'update',
    key: Buffer.from('k'),
    contentType: 'keep',
    expiry: IN_A_MINUTE,
  }
  const refused = tryKv(client, { then: [kvPut('new', 'v'), ...new Array<KvOperation>(5).fill(update)] })
  assert(isKvFailure(refused))
  assert.equal(refused.error, 'TOO_LARGE')
  assert.equal(client.run('EXISTS', 'new'), ':0\r\n')
  assert.equal(client.run('TTL', 'k'), ':-1\r\n')
})

test('R20: large replies behind small ones do not fill the table of idempotency keys beyond its limit', () => {
  const store = new MapStore()
  const table = new IdempotencyTable()
  const context = { nowMs: 1, row: (key: string) => store.get(key), setRow: store.put.bind(store) }
  const remember = (i: number, size: number): void => {
    const reply = Buffer.alloc(size, 'r')
    table.remember(context as unknown as CommandContext, kvIdempotency(`${i}`), reply, SHORT)
  }
  const full = limits.idempotencyBytes - 20 * limits.keptReplyBytes
  const writer = new ByteWriter()
  for (const field of [0, 0, full]) writer.u64(field)
  table.load(new ByteReader(writer.finish()))
  let i = 0
  for (; i < 200; i++) remember(i, 10)
  for (; i < 400; i++) remember(i, limits.keptReplyBytes)
  const saved = new ByteWriter()
  table.save(saved)
  const bytes = readU64(saved.finish(), 16)
  assert(bytes <= limits.idempotencyBytes, `${bytes} bytes are remembered`)
  const { key } = kvIdempotency(`${i - 1}`)
  const last = table.recall(context as unknown as CommandContext, { key, fingerprint: Buffer.from('f') })
  assert(last.kind === 'executed')
})

test('a state of version 1 has neither idempotency keys nor settings: what was there before is forgotten', () => {
  const client = new EngineClient()
  runKv(client, { then: [kvPut('k', 'v')], idempotency: kvIdempotency('once') })
  const name = 'notify-keyspace-events'
  client.write({
    database: 0,
    code: internalCommands.setting.code,
    args: [Buffer.from(name), Buffer.from('KEA')],
  })
  client.engine.load(stateOfVersion1())
  assert.equal(client.engine.setting(name), null)
  const fresh = new KvEngine(client.store)
  fresh.load(stateOfVersion1())
  assert.deepEqual(client.engine.save(), fresh.save())
})

/** Empty, at revision 0. */
function stateOfVersion1(): Buffer {
  const writer = new ByteWriter()
  for (const field of [1, 1]) writer.u32(field)
  for (const field of [0, 0]) writer.u64(field)
  writer.u8(0)
  for (const field of [DATABASE_COUNT + 1, DATABASE_COUNT]) writer.u32(field)
  for (let database = 0; database < DATABASE_COUNT; database++) {
    writer.u32(database + 1)
    writer.u64(0)
    writer.u64(0)
  }
  writer.u64(0)
  writer.u32(0)
  writer.u32(0)
  return writer.finish()
}

test('the same commands give the same bytes on every replica, whatever misses', () => {
  const store = new MapStore()
  const one = new EngineClient(store)
  runKv(one, { then: [kvPut('k', 'v')], idempotency: kvIdempotency('a') })
  const other = new KvEngine(store)
  other.load(one.engine.save())
  assert.deepEqual(other.save(), one.engine.save())
})
