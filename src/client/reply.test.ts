/** The parser of replies and the URLs of servers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ProtocolError, type Reply, ReplyParser } from './reply.ts'
import { formatServerUrl, parseServerUrl } from './url.ts'

function parse(text: string, cuts: readonly number[] = []): Reply[] {
  const parser = new ReplyParser()
  const replies: Reply[] = []
  const bytes = Buffer.from(text)
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const to of places) {
    parser.push(bytes.subarray(from, to), (reply) => replies.push(reply))
    from = to
  }
  return replies
}

const EVERYTHING = [
  '+OK\r\n-ERR no\r\n:-7\r\n:9007199254740993\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.5\r\n,-inf\r\n',
  '$4\r\na\r\nb\r\n=7\r\ntxt:abc\r\n!5\r\nERR x\r\n*2\r\n*0\r\n$0\r\n\r\n',
  '%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:1\r\n+after\r\n>1\r\n+note\r\n',
].join('')

describe('ReplyParser', () => {
  test('reads every type of RESP2 and RESP3', () => {
    const replies = parse(EVERYTHING)
    assert.deepEqual(
      replies.map((reply) => reply.kind),
      ['status', 'error', 'integer', 'integer', 'null', 'null', 'null', 'boolean', 'double', 'double'].concat(
        ['bulk', 'bulk', 'error', 'array', 'map', 'status', 'push'],
      ),
    )
    assert.deepEqual(replies[3], { kind: 'integer', value: 9007199254740993n })
    assert.deepEqual(replies[10], { kind: 'bulk', bytes: Buffer.from('a\r\nb') })
    assert.deepEqual(replies[11], { kind: 'bulk', bytes: Buffer.from('abc') })
  })

  test('gives the same replies however the bytes are cut', () => {
    const whole = parse(EVERYTHING)
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) =>
        assert.deepEqual(parse(EVERYTHING, cuts), whole),
      ),
    )
  })

  test('refuses what is not RESP', () => {
    for (const text of ['hello\r\n', '$x\r\n', ':1.5\r\n', '*-2\r\n'])
      assert.throws(() => parse(text), ProtocolError)
    assert.throws(() => parse('*1\r\n'.repeat(100)), /nested too deeply/)
  })
})

describe('parseServerUrl', () => {
  test('fills in what is not said', () => {
    assert.deepEqual(parseServerUrl('redis://db1'), {
      host: 'db1',
      port: 6379,
      user: '',
      password: '',
      database: 0,
    })
    assert.deepEqual(parseServerUrl('[::1]:7000'), {
      host: '::1',
      port: 7000,
      user: '',
      password: '',
      database: 0,
    })
    assert.equal(parseServerUrl('redis://:s%3At@h/3').password, 's:t')
    assert.equal(parseServerUrl('rediss://h').tls, true)
    assert.equal(formatServerUrl(parseServerUrl('rediss://h/1')), 'rediss://h:6379/1')
  })

  test('refuses what is no server and never repeats a password', () => {
    for (const text of ['http://h', 'redis://', 'redis://h/x', 'redisss://h']) {
      assert.throws(() => parseServerUrl(text), /wanted redis\[s\]:\/\//)
    }
    assert.throws(
      () => parseServerUrl('redis://u:secret@h/x'),
      (error: Error) => !error.message.includes('secret'),
    )
    assert.equal(formatServerUrl(parseServerUrl('redis://u:secret@h/2')), 'redis://h:6379/2')
  })
})
