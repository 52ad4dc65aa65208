/** R3 on one connection: a read waits for the newest unresolved write ahead of it, whatever became of others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OK_REPLY } from '../../protocol/reply.ts'
import {
  answerWrite,
  type ClientSession,
  type PendingRead,
  type PendingWrite,
  waitsForWrite,
} from './pending.ts'

function newSession(): ClientSession {
  return { id: 1, closed: false, lastWrite: 0, newestWrite: null, reads: [] }
}

function write(session: ClientSession): PendingWrite {
  const pending: PendingWrite = {
    session,
    encoded: Buffer.alloc(0),
    deadlineMs: 0,
    done: () => {},
    sequence: 0,
    previous: session.newestWrite,
    readsBefore: null,
    readsAfter: null,
  }
  session.newestWrite = pending
  return pending
}

function readAfter(after: PendingWrite | null): PendingRead {
  return { after, done: () => {} } as unknown as PendingRead
}

test('R3: a read behind a refused write waits for the unresolved write ahead of that one', () => {
  const session = newSession()
  const first = write(session)
  const refused = write(session)
  const queued = readAfter(session.newestWrite)
  answerWrite(refused, OK_REPLY, 'DISK_FULL')
  assert.equal(session.newestWrite, first)
  assert.ok(waitsForWrite(queued))
  assert.deepEqual(first.readsAfter, [queued])
})

test('R3: a read waits for nothing once all writes ahead of it are resolved, in whatever order', () => {
  const session = newSession()
  const [first, second, third] = [write(session), write(session), write(session)]
  const queued = readAfter(third)
  for (const each of [second, third, first]) answerWrite(each, OK_REPLY, null)
  assert.equal(session.newestWrite, null)
  assert.ok(!waitsForWrite(queued))
})

test('a resolved write holds on to none that were resolved before it', () => {
  const session = newSession()
  const first = write(session)
  const second = write(session)
  answerWrite(first, OK_REPLY, null)
  answerWrite(second, OK_REPLY, null)
  assert.equal(second.previous, null)
})
