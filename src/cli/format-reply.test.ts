/** Replies as redis-cli shows them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Reply, ReplyParser } from '../client/reply.ts'
import { bareReply, formatReply, quote } from './format-reply.ts'

function parse(text: string): Reply {
  const replies: Reply[] = []
  new ReplyParser().push(Buffer.from(text), (reply) => replies.push(reply))
  return replies[0] ?? assert.fail('no reply')
}

test('single values carry their type', () => {
  assert.equal(formatReply(parse(':3\r\n')), '(integer) 3')
  assert.equal(formatReply(parse('_\r\n')), '(nil)')
  assert.equal(formatReply(parse('+OK\r\n')), 'OK')
  assert.equal(formatReply(parse('-ERR no\r\n')), '(error) ERR no')
  assert.equal(formatReply(parse('$2\r\nhi\r\n')), '"hi"')
})

test('nested arrays are numbered and indented', () => {
  const reply = parse('*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n')
  assert.equal(formatReply(reply), '1) "a"\n2) 1) (integer) 1\n   2) (empty array)')
  assert.equal(formatReply(parse('%1\r\n+k\r\n:1\r\n')), '1# k => (integer) 1')
})

test('bytes that are no text are escaped, text is not', () => {
  assert.equal(quote(Buffer.from('a"\n\u0001é')), '"a\\"\\n\\x01é"')
  assert.equal(quote(Buffer.from([0xff, 0x41])), '"\\xffA"')
})

test('the bare form has one value per line', () => {
  assert.equal(bareReply(parse('*3\r\n$1\r\na\r\n_\r\n:2\r\n')), 'a\n\n2')
})
