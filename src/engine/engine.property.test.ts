/**
 * The engine against a model of a few lines, with random misses, time and expiry: same replies, same state on
 * every replica, and an index, counters and records that agree after every step.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../lib/random.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { parseExpiryRow } from './expiry-index.ts'
import { recordPrefix, recordRange } from './keys.ts'
import { KeyRecord } from './records.ts'

const SEED = 20_240_601
const START_MS = 1_000_000

interface ModelRecord {
  value: string
  expiresAt: number
  createRevision: number
  modRevision: number
  version: number
}

/** What the keyspace should be, kept the simplest way. */
class Model {
  readonly databases = Array.from({ length: 16 }, () => new Map<string, ModelRecord>())
  revision = 0
  nowMs = START_MS
  /** While a transaction runs, all changes carry one revision. */
  #changed = false

  visible(database: number, key: string): ModelRecord | null {
    const record = this.databases[database]?.get(key)
    return record === undefined || (record.expiresAt !== 0 && record.expiresAt <= this.nowMs) ? null : record
  }

  put(database: number, key: string, value: string, expiresAt: number): void {
    const before = this.visible(database, key)
    const modRevision = this.revision + 1
    const version = before === null ? 1 : before.version + 1
    const createRevision = before === null ? modRevision : before.createRevision
    this.databases[database]?.set(key, { value, expiresAt, createRevision, modRevision, version })
    this.#changed = true
  }

  delete(database: number, key: string): void {
    this.databases[database]?.delete(key)
    this.#changed = true
  }

  /** Ends a command: R11. */
  end(): void {
    if (this.#changed) this.revision++
    this.#changed = false
  }

  run(database: number, [name, key = '', argument = '']: readonly string[]): string {
    const record = this.visible(database, key)
    switch (name) {
      case 'GET':
        return record === null ? '$-1\r\n' : `$${record.value.length}\r\n${record.value}\r\n`
      case 'SET':
        this.put(database, key, argument, 0)
        return '+OK\r\n'
      case 'DEL':
        if (record === null) return ':0\r\n'
        this.delete(database, key)
        return ':1\r\n'
      case 'INCRBY':
        return this.#increment(database, key, record, Number(argument))
      case 'PEXPIRE':
        return this.#expire(database, key, record, Number(argument))
      case 'PERSIST':
        if (record === null || record.expiresAt === 0) return ':0\r\n'
        this.put(database, key, record.value, 0)
        return ':1\r\n'
      case 'PTTL':
        if (record === null) return ':-2\r\n'
        return `:${record.expiresAt === 0 ? -1 : record.expiresAt - this.nowMs}\r\n`
      case 'DBSIZE':
        return `:${this.databases[database]?.size}\r\n`
      case 'APPEND':
        this.put(database, key, (record?.value ?? '') + argument, record?.expiresAt ?? 0)
        return `:${this.visible(database, key)?.value.length}\r\n`
      case 'RENAME':
        return this.#rename(database, key, record, argument)
      case 'COPY':
      case 'MOVE':
        return this.#copy(name, database, key, record, argument)
      case 'SWAPDB':
        return this.#swap(Number(key), Number(argument))
      case 'FLUSHDB':
        return this.#flush([this.databases[database] as Map<string, ModelRecord>])
      default:
        return this.#flush(this.databases)
    }
  }

  expireDue(): void {
    for (const [database, records] of this.databases.entries()) {
      for (const key of records.keys()) if (this.visible(database, key) === null) this.delete(database, key)
    }
    this.end()
  }

  #increment(database: number, key: string, record: ModelRecord | null, amount: number): string {
    const before = record === null ? '0' : record.value
    if (!/^(0|-?[1-9]\d*)$/.test(before)) return '-ERR value is not an integer or out of range\r\n'
    const sum = Number(before) + amount
    this.put(database, key, String(sum), record === null ? 0 : record.expiresAt)
    return `:${sum}\r\n`
  }

  #expire(database: number, key: string, record: ModelRecord | null, ms: number): string {
    if (record === null) return ':0\r\n'
    if (ms > 0) this.put(database, key, record.value, this.nowMs + ms)
    else this.delete(database, key)
    return ':1\r\n'
  }

  #rename(database: number, key: string, record: ModelRecord | null, target: string): string {
    if (record === null) return '-ERR no such key\r\n'
    if (key === target) return '+OK\r\n'
    this.put(database, target, record.value, record.expiresAt)
    this.delete(database, key)
    return '+OK\r\n'
  }

  /** COPY key argument, or MOVE key argument. */
  #copy(name: string, database: number, key: string, record: ModelRecord | null, argument: string): string {
    const [other, target] = name === 'MOVE' ? [Number(argument), key] : [database, argument]
    if (other === database && target === key) {
      return '-ERR source and destination objects are the same\r\n'
    }
    if (record === null || this.visible(other, target) !== null) return ':0\r\n'
    this.put(other, target, record.value, record.expiresAt)
    if (name === 'MOVE') this.delete(database, key)
    return ':1\r\n'
  }

  #swap(one: number, other: number): string {
    const [a, b] = [this.databases[one], this.databases[other]] as [
      Map<string, ModelRecord>,
      Map<string, ModelRecord>,
    ]
    if (one !== other && a.size + b.size > 0) this.#changed = true
    this.databases[one] = b
    this.databases[other] = a
    return '+OK\r\n'
  }

  #flush(databases: readonly Map<string, ModelRecord>[]): string {
    if (databases.some((records) => records.size > 0)) this.#changed = true
    for (const records of databases) records.clear()
    return '+OK\r\n'
  }
}

type Step =
  | { kind: 'command'; database: number; words: readonly string[] }
  | { kind: 'transaction'; commands: { database: number; words: readonly string[] }[] }
  | { kind: 'wait'; ms: number }
  | { kind: 'expire' }

const key = fc.constantFrom('a', 'b', 'c', '', '\0\xff')
const number = fc.integer({ min: -50, max: 50 }).map(String)
const words = fc.oneof(
  fc.tuple(fc.constant('SET'), key, fc.oneof(number, fc.constant('text'))),
  fc.tuple(fc.constant('INCRBY'), key, number),
  fc.tuple(fc.constant('PEXPIRE'), key, fc.integer({ min: -1, max: 30 }).map(String)),
  fc.tuple(fc.constantFrom('GET', 'DEL', 'PERSIST', 'PTTL'), key),
  fc.tuple(fc.constant('APPEND'), key, fc.constantFrom('', '1')),
  fc.tuple(fc.constantFrom('RENAME', 'COPY'), key, key),
  fc.tuple(fc.constant('MOVE'), key, fc.constantFrom('0', '1')),
  fc.constantFrom(
    ['DBSIZE'],
    ['DBSIZE'],
    ['SWAPDB', '0', '1'],
    ['SWAPDB', '1', '1'],
    ['FLUSHDB'],
    ['FLUSHALL'],
  ),
)
const command = fc.record({ database: fc.constantFrom(0, 0, 1), words })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: command.map((each) => ({ kind: 'command', ...each }) as const) },
  {
    weight: 4,
    arbitrary: fc
      .array(command, { maxLength: 5 })
      .map((commands) => ({ kind: 'transaction', commands }) as const),
  },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 20 }).map((ms) => ({ kind: 'wait', ms }) as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'expire' } as const) },
)

function runOnModel(model: Model, each: Step): string {
  if (each.kind === 'command') {
    const reply = model.run(each.database, each.words)
    model.end()
    return reply
  }
  if (each.kind === 'transaction') {
    const replies = each.commands.map(({ database, words }) => model.run(database, words))
    model.end()
    return `*${replies.length}\r\n${replies.join('')}`
  }
  if (each.kind === 'wait') model.nowMs += each.ms
  else model.expireDue()
  return ''
}

function runOnEngine(client: EngineClient, each: Step): string {
  client.database = 0
  if (each.kind === 'command') {
    client.database = each.database
    return client.run(...each.words)
  }
  if (each.kind === 'transaction') return client.transactionAcross(each.commands)
  if (each.kind === 'wait') client.nowMs += each.ms
  else client.expireDue()
  return ''
}

/** Counters, expiry index and records of the engine agree with each other and with the model. */
function check(client: EngineClient, model: Model): void {
  const { engine, store } = client
  assert.equal(engine.revision, model.revision)
  for (const [database, records] of model.databases.entries()) {
    const id = engine.physicalDatabase(database)
    const range = recordRange(id, '')
    const rows = store.range(range.from, range.to, 1000)
    assert.equal(rows.length, records.size)
    for (const [name, expected] of records) {
      const record = new KeyRecord(store.get(recordPrefix(id) + name) as Buffer)
      const { createRevision, modRevision, version, expiresAt } = record
      const value = record.value.toString('latin1')
      assert.deepEqual({ value, expiresAt, createRevision, modRevision, version }, expected)
    }
    const expires = [...records.values()].filter((record) => record.expiresAt !== 0)
    const counted = engine.keyspace().find((row) => row.database === database)
    assert.deepEqual([counted?.keys ?? 0, counted?.expires ?? 0], [records.size, expires.length])
    assert.deepEqual(indexed(client, id), expires.map((each) => [each.expiresAt, each.modRevision]).sort())
  }
}

/** What the expiry index holds of one physical database. */
function indexed(client: EngineClient, id: number): [expiresAt: number, modRevision: number][] {
  const { from, to } = client.engine.expiryRange(2 ** 50)
  const due = client.store.range(from, to, 1000).map((row) => parseExpiryRow(row.key, row.value))
  const own = due.filter((row) => row?.physicalDatabase === id)
  return own.map((row) => [row?.expiresAt ?? 0, row?.modRevision ?? 0] as [number, number]).sort()
}

test('R2, R11, R12: the engine does what the model does, with and without misses, on every replica', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 2 ** 31 }), (steps, seed) => {
      const model = new Model()
      const direct = new EngineClient(new MapStore(), START_MS)
      const missing = new EngineClient(
        new MapStore({ random: new SeededRandom(seed), missShare: 0.5 }),
        START_MS,
      )
      for (const each of steps) {
        const expected = runOnModel(model, each)
        assert.equal(runOnEngine(direct, each), expected)
        assert.equal(runOnEngine(missing, each), expected)
        missing.store.missShare = 0
        check(missing, model)
        missing.store.missShare = 0.5
      }
      assert.deepEqual(missing.engine.save(), direct.engine.save())
      assert.deepEqual(missing.store.range('', null, 1000), direct.store.range('', null, 1000))
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('R13: a replica that loaded the saved state halfway ends with the same bytes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.array(step, { maxLength: 20 }), (before, behind) => {
      const one = new EngineClient(new MapStore(), START_MS)
      const other = new EngineClient(new MapStore(), START_MS)
      for (const each of before) {
        runOnEngine(one, each)
        runOnEngine(other, each)
        other.engine.load(other.engine.save())
      }
      for (const each of behind) assert.equal(runOnEngine(other, each), runOnEngine(one, each))
      assert.deepEqual(other.engine.save(), one.engine.save())
      assert.deepEqual(other.store.range('', null, 1000), one.store.range('', null, 1000))
    }),
    { seed: SEED, numRuns: 150 },
  )
})
