/** The receiving side of a snapshot transfer: what is pulled, what is refused, what a break leaves behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../storage/store/types.ts'
import type { SnapshotReply, SnapshotRequest } from './snapshot-frames.ts'
import { type ReceivedSnapshot, SnapshotReceiver } from './snapshot-receiver.ts'

const MANIFEST = Buffer.from('manifest')
const NOTHING = Buffer.alloc(0)

function fixture() {
  const requests: string[] = []
  const completed: ReceivedSnapshot[] = []
  const writes: ((error: Error | null) => void)[] = []
  const state = { leader: 2, abandoned: 0, discarded: 0 }
  const store = {
    filesPresent: (_: Buffer, done: (error: null, present: []) => void) => done(null, []),
    receive: (_name: string, _offset: number, _bytes: Buffer, done: (error: Error | null) => void) =>
      writes.push(done),
    receiveComplete: (_: Buffer, done: (error: null) => void) => done(null),
    discardReceived: () => state.discarded++,
  } as unknown as Store
  const receiver = new SnapshotReceiver({
    store,
    request: (to, request: SnapshotRequest) => requests.push(`${to} ${request.kind}`),
    leader: () => state.leader,
    complete: (snapshot) => completed.push(snapshot),
    abandoned: () => state.abandoned++,
    log: () => {},
  })
  const manifest = (from: number, transfer: number, index: number, size: number): void => {
    const files = [{ name: 'file', size }]
    const reply: SnapshotReply = { kind: 'manifest', transfer, index, term: 1, files }
    receiver.receive(from, reply, MANIFEST, 0)
  }
  const chunk = (from: number, transfer: number, offset: number, size: number): void =>
    receiver.receive(from, { kind: 'chunk', transfer, name: 'file', offset }, Buffer.alloc(size), 0)
  return { receiver, requests, completed, writes, state, manifest, chunk }
}

test('R10: a snapshot that is older than the one on offer is not installed', () => {
  const { receiver, requests, completed, state, manifest } = fixture()
  receiver.start(2, 100, 0)
  state.leader = 3
  receiver.tick(2_000, 0)
  manifest(3, 1, 80, 4)
  assert.deepEqual(requests, ['2 begin', '3 begin', '3 end'])
  assert.deepEqual([completed.length, state.abandoned, receiver.active], [0, 1, false])
  receiver.start(3, 80, 2_100)
  manifest(3, 2, 90, 4)
  assert.deepEqual(requests.slice(3), ['3 begin', '3 chunk'])
})

test('a write that fails after its transfer was given up does not end the next one', () => {
  const { receiver, completed, writes, state, manifest, chunk } = fixture()
  receiver.start(2, 100, 0)
  manifest(2, 1, 100, 4)
  chunk(2, 1, 0, 4)
  receiver.tick(2_000, 0)
  manifest(2, 2, 100, 4)
  writes[0]?.(new Error('the disk is full'))
  assert.deepEqual([state.abandoned, receiver.active], [0, true])
  chunk(2, 2, 0, 4)
  writes[1]?.(null)
  assert.equal(completed.length, 1)
})

test('an answer of a transfer that is not known any more begins it again', () => {
  const { receiver, requests, manifest } = fixture()
  receiver.start(2, 100, 0)
  manifest(2, 1, 100, 4)
  receiver.receive(2, { kind: 'gone', transfer: 1 }, NOTHING, 0)
  assert.deepEqual(requests, ['2 begin', '2 chunk', '2 begin'])
})

test('what was received and not installed is removed once this node has applied as much by itself', () => {
  const { receiver, completed, state, manifest, chunk } = fixture()
  receiver.start(2, 100, 0)
  manifest(2, 1, 100, 4)
  chunk(2, 1, 0, 2)
  receiver.tick(10, 100)
  assert.equal(state.discarded, 0, 'not while it is received')
  receiver.finished(false)
  receiver.tick(20, 99)
  assert.equal(state.discarded, 0, 'not while it may be gone on with')
  receiver.tick(30, 100)
  receiver.tick(40, 101)
  assert.equal(state.discarded, 1)
  assert.equal(completed.length, 0)
})
