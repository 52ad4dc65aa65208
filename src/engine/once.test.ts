/** Commands that take effect once (protocol/once.ts), on the engine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../lib/assert.ts'
import { toByteString } from '../lib/bytes.ts'
import { limits } from '../protocol/limits.ts'
import { decodeOnceReply } from '../protocol/once.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { kvIdempotency } from '../testing/engine/kv-requests.ts'
import { onceCommand } from './once.ts'

/** The reply, with a '!' in front of a replayed one. */
function once(client: EngineClient, key: string, ...words: Word[]): string {
  const command = must(client.command(...words), 'command')
  const { isReplay, reply } = decodeOnceReply(
    client.execute(onceCommand(kvIdempotency(key, words.join(' ')), command)),
  )
  return (isReplay ? '!' : '') + toByteString(reply)
}

test('takes effect once, whatever happened since', () => {
  const client = new EngineClient()
  assert.equal(once(client, 'a', 'INCR', 'n'), ':1\r\n')
  client.run('SET', 'n', '7')
  const { revision } = client.engine
  assert.equal(once(client, 'a', 'INCR', 'n'), '!:1\r\n')
  assert.equal(client.engine.revision, revision)
  assert.equal(once(client, 'b', 'INCR', 'n'), ':8\r\n')
  assert.match(once(client, 'a', 'DECR', 'n'), /^-ERR this idempotency key/)
})

test('is one revision, in the database of the command', () => {
  const client = new EngineClient()
  client.database = 5
  once(client, 'a', 'SET', 'k', 'v')
  assert.equal(client.engine.revision, 1)
  assert.equal(client.run('GET', 'k'), '$1\r\nv\r\n')
  client.database = 0
  assert.equal(client.run('EXISTS', 'k'), ':0\r\n')
})

test('an error leaves nothing behind', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'text')
  assert.match(once(client, 'a', 'INCR', 'k'), /^-ERR value is not an integer/)
  client.run('SET', 'k', '1')
  assert.equal(once(client, 'a', 'INCR', 'k'), ':2\r\n')
})

test('a read gets its first reply again; one that is too large to be kept is not read twice', () => {
  const client = new EngineClient()
  client.run('SET', 'k', 'v')
  once(client, 'a', 'GET', 'k')
  client.run('SET', 'k', 'x'.repeat(limits.keptReplyBytes))
  assert.equal(once(client, 'a', 'GET', 'k'), '!$1\r\nv\r\n')
  assert.equal(once(client, 'b', 'GETDEL', 'k').length, limits.keptReplyBytes + '$4096\r\n\r\n'.length)
  assert.match(once(client, 'b', 'GETDEL', 'k'), /^-ERR the command was applied once/)
})

test('R6: growth that is refused is not remembered', () => {
  const client = new EngineClient()
  const growth = (refused: boolean): void => {
    client.write({ database: 0, ...client.engine.growthCommand(refused) })
  }
  growth(true)
  assert.match(once(client, 'a', 'SET', 'k', 'v'), /^-OOM|^-ERR|^-[A-Z]+ /)
  assert.equal(once(client, 'b', 'DEL', 'k'), ':0\r\n')
  growth(false)
  assert.equal(once(client, 'a', 'SET', 'k', 'v'), '+OK\r\n')
})
