/** Reads of ranges: a page of keys is of one moment, whatever is applied while the store loads it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scanCommand } from '../../engine/scan.ts'
import type { Callback } from '../../storage/disk.ts'
import type { Row, Store } from '../../storage/store/types.ts'
import { EngineClient } from '../../testing/engine/engine-client.ts'
import type { ClientSession, PendingRead } from './pending.ts'
import { ReadRunner } from './read-runner.ts'

test('R11: a page of SCAN under way while databases are swapped is of the database as it is then', () => {
  const client = new EngineClient()
  const loads: (() => void)[] = []
  const fetchRange = (from: string, to: string | null, limit: number, done: Callback<Row[]>) => {
    loads.push(() => done(null, client.store.range(from, to, limit)))
  }
  const store = { fetchRange } as unknown as Store
  const runner = new ReadRunner({ engine: client.engine, store, wantTick: () => {} })
  client.run('SET', 'zero', '1')
  client.database = 1
  client.run('SET', 'one', '1')

  const session: ClientSession = { id: 1, closed: false, lastWrite: 0, newestWrite: null, reads: [] }
  const replies: string[] = []
  const read: PendingRead = {
    session,
    command: scanCommand(0, Buffer.alloc(0), []),
    consistency: 'linearizable',
    deadlineMs: 1_000,
    done: ({ reply }) => replies.push(String(reply)),
    after: null,
    nowMs: 0,
  }
  session.reads.push(read)
  runner.serve(read)
  client.run('SWAPDB', '0', '1')
  while (loads.length > 0) loads.shift()?.()
  assert.deepEqual(replies, ['*2\r\n$-1\r\n*1\r\n$3\r\none\r\n'])
})
