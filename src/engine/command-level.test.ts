/** The level of a command is the highest of what it holds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeOnce } from '../protocol/once.ts'
import { encodeTransaction } from '../protocol/transaction.ts'
import { levelOf } from './command-level.ts'
import { commandTable, internalCommands } from './command-table.ts'
import { ENGINE_LEVEL, FIRST_LEVEL } from './level.ts'

const { exec, once } = internalCommands
const rows = [...commandTable.values()]
const later = rows.filter((row) => row.level > FIRST_LEVEL)
const get = { spec: commandTable.get('get') ?? exec, database: 0, args: [Buffer.from('k')] }

test('no command is of a level that this program does not have', () => {
  for (const { name, level } of rows) assert.ok(level >= FIRST_LEVEL && level <= ENGINE_LEVEL, name)
})

test('a command without a level is of the first, and so is what holds only such', () => {
  const { level: _, ...local } = get.spec
  assert.equal(levelOf({ ...get, spec: local }), FIRST_LEVEL)
  assert.equal(levelOf({ spec: exec, database: 0, args: encodeTransaction([], [get, get]) }), FIRST_LEVEL)
})

test('a command keeps its level inside a transaction and behind an idempotency key', () => {
  for (const spec of later) {
    const command = { spec, database: 0, args: [Buffer.from('x'), Buffer.from('0')] }
    assert.equal(levelOf(command), spec.level)
    assert.equal(
      levelOf({ spec: exec, database: 0, args: encodeTransaction([], [get, command]) }),
      spec.level,
    )
    const idempotency = { key: Buffer.from('i'), fingerprint: Buffer.from('f') }
    assert.equal(levelOf({ spec: once, database: 0, args: encodeOnce(idempotency, command) }), spec.level)
  }
})
