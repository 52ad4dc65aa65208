/** When log is given up for a manifest (R9), also while disk space is short (R6). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '../../storage/log/types.ts'
import { StoreFixture } from '../../testing/storage/store-fixture.ts'
import { LogRetention } from './log-retention.ts'

const ENTRY_BYTES = 1_000

test('R6: short of space, log of entries that left no record goes too, and is sealed for once', () => {
  const fixture = new StoreFixture({ memtableBytes: 1024 * 1024 })
  fixture.open()
  const { store } = fixture
  const last = 5
  const log = { bytesSince: (_group: number, index: number) => Math.max(0, last + 1 - index) * ENTRY_BYTES }
  const retention = new LogRetention({
    group: 0,
    log: log as unknown as Log,
    store,
    trailingBytes: 0,
    lowestTransferIndex: () => Number.POSITIVE_INFINITY,
    meta: () => Buffer.from('meta'),
  })
  for (let index = 1; index <= last; index++) store.endEntry(index, 1)
  assert.equal(store.status().memtableBytes, 0)
  retention.sealEarly()
  fixture.settle()
  assert.equal(store.manifestIndex, last)
  retention.sealEarly()
  assert.equal(store.status().sealedMemtables, 0, 'nothing is left to seal')
})
