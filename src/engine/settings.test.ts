/** Replicated settings: kept in one form, saved with the state, told to listeners; and the classes of notices. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { internalCommands } from './command-table.ts'
import { KvEngine } from './engine.ts'
import { formatNoticeClasses, noticeClasses, parseNoticeClasses } from './notice-classes.ts'

const NAME = 'notify-keyspace-events'

function set(client: EngineClient, name: string, value: string): string {
  const { code } = internalCommands.setting
  return client.write({ code, database: 0, args: [Buffer.from(name), Buffer.from(value)] }).toString()
}

test('a setting is kept in one form, costs no revision, and is told', () => {
  const client = new EngineClient()
  const told: boolean[] = []
  client.engine.onEffects(({ settingsChanged }) => told.push(settingsChanged))
  assert.equal(client.engine.setting(NAME), null)
  assert.equal(set(client, NAME, 'EK$g'), '+OK\r\n')
  assert.equal(client.engine.setting(NAME), 'g$KE')
  assert.equal(client.engine.revision, 0)
  assert.deepEqual(told, [true])
})

test('a setting is saved with the state', () => {
  const client = new EngineClient()
  set(client, NAME, 'AKE')
  const loaded = new KvEngine(client.store)
  loaded.load(client.engine.save())
  assert.equal(loaded.setting(NAME), 'AKE')
  assert.deepEqual(loaded.save(), client.engine.save())
})

test('an unknown setting and an invalid value are refused', () => {
  const client = new EngineClient()
  assert.match(set(client, 'maxmemory', '1'), /^-ERR invalid value of setting 'maxmemory'/)
  assert.match(set(client, NAME, 'KEx!'), /^-ERR invalid value/)
  assert.equal(client.engine.setting(NAME), null)
})

test('classes of notices are read and written as Redis does', () => {
  assert.equal(formatNoticeClasses(parseNoticeClasses('KEA') ?? 0), 'AKE')
  assert.equal(formatNoticeClasses(parseNoticeClasses('Kg$lshzxetd') ?? 0), 'AK')
  assert.equal(formatNoticeClasses(parseNoticeClasses('xEg') ?? 0), 'gxE')
  assert.equal(parseNoticeClasses(''), 0)
  assert.equal(parseNoticeClasses('q'), null)
  assert.equal((parseNoticeClasses('A') ?? 0) & (noticeClasses.m | noticeClasses.n), 0)
})
