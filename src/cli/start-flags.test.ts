/** VikDB's command lines, word for word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translated, withTwoDashes } from './start-flags.ts'

const names = new Set(['addr', 'node-id', 'cluster', 'insecure', 'wal-path'])
const argv = (line: string): string[] => ['node', 'kvorum', ...line.split(' ')]

test('flags with one dash get the second one, in either way to give a value', () => {
  assert.deepEqual(
    withTwoDashes(argv('start -addr :8080 -node-id=node1 --cluster a:1 -insecure'), names),
    argv('start --addr :8080 --node-id=node1 --cluster a:1 --insecure'),
  )
})

test('short options, unknown words and other verbs stay as they are', () => {
  for (const line of ['start -x -nodeid 1', 'set -addr start', '-n node2 get -addr', 'cluster start -addr']) {
    assert.deepEqual(withTwoDashes(argv(line), names), argv(line))
  }
  assert.deepEqual(withTwoDashes(argv('-n node2 start -addr :1'), names), argv('-n node2 start --addr :1'))
})

test('flags of other names become ours, and an explicit one of ours wins', () => {
  const { flags } = translated({ 'replication-port': '8083', 'memtable-max-size': '1048576', addr: ':1' })
  assert.deepEqual(flags, { addr: ':1', 'peer-port': '8083', 'memtable-bytes': '1048576' })
  assert.equal(translated({ 'memtable-max-size': '100' }).flags['memtable-bytes'], '65536')
  assert.equal(translated({ 'replication-port': '1', 'peer-port': '2' }).flags['peer-port'], '2')
})

test('the data folder lies beside the write-ahead log that was named, and says so', () => {
  const both = translated({ 'wal-path': './data/node1/wal', 'sstable-dir': './data/node1/sstables' })
  assert.equal(both.flags.data, './data/node1/wal.kvorum')
  assert.match(both.notes[0] ?? '', /wal\.kvorum/)
  assert.equal(translated({ 'sstable-dir': './t/' }).flags.data, './t.kvorum')
  assert.deepEqual(translated({ 'wal-path': 'w', data: 'd' }), { flags: { data: 'd' }, notes: [] })
})
