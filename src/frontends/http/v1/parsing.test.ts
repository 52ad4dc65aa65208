/** What the native API reads out of requests: keys, queries, conditions, patches, operations. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ProblemError } from '../problem.ts'
import { conditionsOf, isMatch, isNoneMatchHit } from './conditions.ts'
import { isTooDeep, type Json, mergePatch } from './merge-patch.ts'
import { parseCompare, parseOperation } from './operations.ts'
import { decodePercent } from './percent.ts'
import { parseDuration, parseQuery } from './query.ts'
import { behindPrefix, rangeOf } from './range.ts'
import { replyJson } from './reply-json.ts'
import { fromBase64 } from './values.ts'

/** Unreserved characters and '/' stay; everything else becomes %XX. */
function encodePath(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    text += /[\w.~/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/** Runs it and gives the text of the 400 it ends with. */
function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error))
    assert.equal(error.code, 'BAD_REQUEST')
    return error.message
  }
  return assert.fail('nothing was refused')
}

describe('percent encoding', () => {
  test('any bytes come back as they went', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const key = Buffer.from(bytes)
        assert.deepEqual(decodePercent(encodePath(key), false), key)
      }),
    )
  })

  test('slashes, raw bytes and encoded ones are the same key; a plus is a space in queries only', () => {
    assert.equal(decodePercent('a/b%2Fc', false)?.toString(), 'a/b/c')
    assert.deepEqual(decodePercent('\xff%fF%00', false), Buffer.from([255, 255, 0]))
    assert.equal(decodePercent('a+b%2B', false)?.toString(), 'a+b+')
    assert.equal(decodePercent('a+b%2B', true)?.toString(), 'a b+')
  })

  test('a percent sign without two digits is refused', () => {
    for (const text of ['%', '%1', 'a%', '%gg', '%1g', '%-1', '%%41'])
      assert.equal(decodePercent(text, false), null)
  })
})

describe('queries', () => {
  const known = new Set(['a', 'limit', 'flag', 'ttl'])
  const parse = (query: string) => parseQuery(`/x?${query}`, known)

  test('values are bytes, names are known', () => {
    assert.deepEqual(parse('a=%ff&limit=3').bytes('a'), Buffer.from([255]))
    assert.equal(parse('').bytes('a'), null)
    assert.equal(parse('a').bytes('a')?.length, 0)
    assert.equal(parse('a==&&').text('a'), '=')
  })

  const refused: [string, (text: string) => unknown, RegExp][] = [
    ['limt=1', parse, /"limt"; wanted a, flag, limit, ttl/],
    ['a=1&a=2', parse, /\?a is given twice/],
    ['a=%g0', parse, /\?a is "%g0"; wanted every %/],
    ['a=%ff', (text) => parse(text).text('a'), /UTF-8/],
    [
      'limit=0',
      (text) => parse(text).integer('limit', 1, 9, 5),
      /\?limit is "0"; wanted an integer from 1 to 9/,
    ],
    ['limit=1e3', (text) => parse(text).integer('limit', 1, 9_999, 5), /"1e3"/],
    ['flag=maybe', (text) => parse(text).flag('flag'), /wanted true or false/],
    ['a=x', (text) => parse(text).choice('a', ['raw', 'json'], 'raw'), /wanted raw, json/],
    ['ttl=-1', (text) => parse(text).duration('ttl'), /wanted a time above zero/],
  ]
  for (const [text, run, wanted] of refused) {
    test(`?${text} is refused, saying what was wanted`, () =>
      assert.match(
        refusal(() => run(text)),
        wanted,
      ))
  }

  test('times have units', () => {
    const cases = {
      '90': 90_000,
      '90s': 90_000,
      '1500ms': 1_500,
      '5m': 300_000,
      '2h': 7_200_000,
      '1d': 86_400_000,
    }
    for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration('ttl', text), ms)
    for (const text of ['', '0', '0s', '1w', '1.5s', '-1s', '999999999999999d']) {
      assert.match(
        refusal(() => parseDuration('ttl', text)),
        /wanted a time/,
      )
    }
  })
})

describe('ranges', () => {
  const known = new Set(['key', 'prefix', 'start', 'end'])
  const range = (query: string) => rangeOf(parseQuery(`/?${query}`, known))

  test('a prefix ends where the next one begins', () => {
    assert.deepEqual(behindPrefix(Buffer.from('ab')), Buffer.from('ac'))
    assert.deepEqual(behindPrefix(Buffer.from([1, 255, 255])), Buffer.from([2]))
    assert.equal(behindPrefix(Buffer.from([255])), null)
    assert.equal(behindPrefix(Buffer.alloc(0)), null)
  })

  test('one key is the range up to itself with a zero byte', () => {
    assert.deepEqual(range('key=a'), { from: Buffer.from('a'), to: Buffer.from('a\0') })
    assert.deepEqual(range('start=b&end=d'), { from: Buffer.from('b'), to: Buffer.from('d') })
    assert.deepEqual(range(''), { from: Buffer.alloc(0), to: null })
    assert.match(
      refusal(() => range('key=a&prefix=b')),
      /wanted one of/,
    )
  })
})

describe('conditions', () => {
  test('lists, any, weak tags and tags that are not ours', () => {
    const { ifMatch, ifNoneMatch } = conditionsOf({
      'if-match': '"3", W/"4","abc"',
      'if-none-match': 'W/"5", "6"',
    })
    assert.deepEqual(
      [3, 4, 5].map((revision) => isMatch(ifMatch, revision)),
      [true, false, false],
    )
    assert.deepEqual(
      [4, 5, 6].map((revision) => isNoneMatchHit(ifNoneMatch, revision)),
      [false, true, true],
    )
    const any = conditionsOf({ 'if-match': ' * ', 'if-none-match': '*' })
    assert.deepEqual([isMatch(any.ifMatch, 0), isMatch(any.ifMatch, 1)], [false, true])
    assert.deepEqual([isNoneMatchHit(any.ifNoneMatch, 0), isNoneMatchHit(any.ifNoneMatch, 1)], [false, true])
  })

  test('a time is refused, and not judged beside an entity tag (RFC 9110, 13.1.4)', () => {
    const since = { 'if-unmodified-since': 'Sat, 29 Oct 1994 19:43:31 GMT' }
    assert.match(
      refusal(() => conditionsOf(since)),
      /If-Match instead/,
    )
    assert.ok(isMatch(conditionsOf({ ...since, 'if-match': '"3"' }).ifMatch, 3))
  })

  for (const text of ['3', '', ',', '"3', 'W/3', '"a" "b"', `${'"1",'.repeat(101)}"1"`]) {
    test(`If-Match: ${text.slice(0, 20)} is refused`, () => {
      assert.match(
        refusal(() => conditionsOf({ 'if-match': text })),
        /If-Match/,
      )
    })
  }
})

describe('merge patches', () => {
  // RFC 7396, appendix A.
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, wanted] of cases) {
    test(`${JSON.stringify(target)} + ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(mergePatch(target, patch), wanted)
    })
  }

  test('a member named __proto__ is a member', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}') as Json)
    assert.equal(JSON.stringify(merged), '{"__proto__":{"polluted":1}}')
    assert.equal(({} as { polluted?: number }).polluted, undefined)
  })

  test('depth is bounded', () => {
    const deep = (levels: number): Json => (levels === 0 ? 1 : [deep(levels - 1)])
    assert.equal(isTooDeep(deep(100)), false)
    assert.equal(isTooDeep(deep(101)), true)
  })
})

describe('operations and compares', () => {
  test('become what the KV command takes', () => {
    assert.deepEqual(
      parseOperation('ops[0]', { op: 'set', key: 'a', value_base64: '/w==', ttl: 1.5, type: 'x/y' }),
      {
        kind: 'put',
        key: Buffer.from('a'),
        value: Buffer.from([255]),
        contentType: 'x/y',
        expiry: { kind: 'ttl', ms: 1_500 },
        previous: false,
      },
    )
    assert.deepEqual(parseCompare('compare[0]', { key_base64: 'YQ', version: 2, operator: '>' }), {
      target: 'version',
      key: Buffer.from('a'),
      operator: '>',
      values: [2],
    })
    assert.deepEqual(parseCompare('c', { key: 'a', value: '' }), {
      target: 'value',
      key: Buffer.from('a'),
      operator: '=',
      value: Buffer.alloc(0),
    })
  })

  const refused: [unknown, RegExp][] = [
    [7, /ops\[0\] is "7"; wanted an object/],
    [{ op: 'put', key: 'a' }, /ops\[0\]\.op is "put"; wanted get, set, delete/],
    [{ op: 'get' }, /wants key \(text\) or key_base64/],
    [{ op: 'get', key: 'a', key_base64: 'YQ==' }, /has both/],
    [{ op: 'get', key_base64: 'a' }, /ops\[0\]\.key_base64 is "a"; wanted base64/],
    [{ op: 'get', key: 'a', value: 'b' }, /a member of ops\[0\] is "value"; wanted op, key/],
    [{ op: 'set', key: 'a' }, /wants value/],
    [{ op: 'set', key: 'a', value: 5 }, /ops\[0\]\.value is "5"; wanted a string/],
    [{ op: 'set', key: 'a', value: '', ttl: 0 }, /wanted a time above zero/],
    [{ op: 'set', key: 'a', value: '', ttl: 5, keep_ttl: true }, /both ttl and keep_ttl/],
  ]
  for (const [value, wanted] of refused) {
    test(`${JSON.stringify(value)} is refused`, () =>
      assert.match(
        refusal(() => parseOperation('ops[0]', value)),
        wanted,
      ))
  }

  test('a compare has exactly one target', () => {
    assert.match(
      refusal(() => parseCompare('c', { key: 'a' })),
      /exactly one of/,
    )
    assert.match(
      refusal(() => parseCompare('c', { key: 'a', exists: true, version: 1 })),
      /exactly one of/,
    )
    assert.match(
      refusal(() => parseCompare('c', { key: 'a', exists: true, operator: '=' })),
      /operator beside exists/,
    )
    assert.match(
      refusal(() => parseCompare('c', { key: 'a', revision: -1 })),
      /wanted a revision/,
    )
  })
})

test('base64 with and without padding, in both alphabets, and nothing else', () => {
  for (const text of ['', 'YQ==', 'YQ', '/+8=', '_-8']) assert.notEqual(fromBase64(text), null, text)
  for (const text of ['a', 'Y Q==', 'YQ==YQ==', 'YR==', '/-8', '%'])
    assert.equal(fromBase64(text), null, text)
})

describe('replies as JSON', () => {
  const cases: [string, unknown][] = [
    ['+OK\r\n', { type: 'status', result: 'OK' }],
    [':-5\r\n', { type: 'integer', result: -5 }],
    [':9223372036854775807\r\n', { type: 'integer', result: '9223372036854775807' }],
    ['$-1\r\n', { type: 'null', result: null }],
    ['_\r\n', { type: 'null', result: null }],
    ['$0\r\n\r\n', { type: 'string', result: '' }],
    ['=7\r\ntxt:abc\r\n', { type: 'string', result: 'abc' }],
    [',1.5\r\n', { type: 'double', result: 1.5 }],
    [',inf\r\n', { type: 'double', result: 'inf' }],
    ['#f\r\n', { type: 'boolean', result: false }],
    ['*2\r\n:1\r\n*1\r\n-ERR no\r\n', { type: 'array', result: [1, [{ error: 'ERR no' }]] }],
    ['%1\r\n+a\r\n:1\r\n', { type: 'map', result: { a: 1 } }],
    ['%1\r\n:1\r\n:2\r\n', { type: 'map', result: [[1, 2]] }],
  ]
  for (const [reply, wanted] of cases) {
    test(JSON.stringify(reply), () => assert.deepEqual(replyJson(Buffer.from(reply)), wanted))
  }

  test('bytes that are not UTF-8 come as base64', () => {
    const reply = Buffer.concat([Buffer.from('$1\r\n'), Buffer.from([255]), Buffer.from('\r\n')])
    assert.deepEqual(replyJson(reply), { type: 'string', result: { base64: '/w==' } })
  })
})
