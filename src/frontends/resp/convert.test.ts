/** Canonical replies as RESP2 and RESP3 clients read them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  arrayReply,
  bulkReply,
  errorReply,
  integerReply,
  mapReply,
  NULL_ARRAY_REPLY,
  NULL_REPLY,
  simpleReply,
  verbatimReply,
} from '../../protocol/reply.ts'
import { toResp2, toResp3 } from './convert.ts'
import { arrayElements } from './elements.ts'

const text = (reply: Buffer): string => reply.toString('latin1')

describe('toResp2', () => {
  const cases: [string, string][] = [
    ['%1\r\n+a\r\n:1\r\n', '*2\r\n+a\r\n:1\r\n'],
    ['~2\r\n:1\r\n:2\r\n', '*2\r\n:1\r\n:2\r\n'],
    ['>1\r\n+x\r\n', '*1\r\n+x\r\n'],
    [',3.25\r\n', '$4\r\n3.25\r\n'],
    [',inf\r\n', '$3\r\ninf\r\n'],
    ['(123456789012345678901\r\n', '$21\r\n123456789012345678901\r\n'],
    ['#t\r\n', ':1\r\n'],
    ['#f\r\n', ':0\r\n'],
    ['_\r\n', '$-1\r\n'],
    ['=8\r\ntxt:some\r\n', '$4\r\nsome\r\n'],
    ['!9\r\nERR a\r\nbc\r\n', '-ERR a  bc\r\n'],
    ['*2\r\n%1\r\n$1\r\na\r\n,1\r\n$-1\r\n', '*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n$-1\r\n'],
    ['*-1\r\n', '*-1\r\n'],
  ]
  for (const [canonical, resp2] of cases) {
    test(JSON.stringify(canonical), () => assert.equal(text(toResp2(Buffer.from(canonical))), resp2))
  }

  test('bytes that look like types inside strings stay as they are', () => {
    const reply = arrayReply([bulkReply(Buffer.from('%1\r\n~2\r\n')), integerReply(1)])
    assert.equal(toResp2(reply), reply)
  })
})

describe('toResp3', () => {
  test('both nulls become one', () => {
    assert.equal(text(toResp3(NULL_REPLY)), '_\r\n')
    assert.equal(text(toResp3(NULL_ARRAY_REPLY)), '_\r\n')
    assert.equal(
      text(toResp3(arrayReply([NULL_REPLY, bulkReply(Buffer.from('$-1\r\n'))]))),
      '*2\r\n_\r\n$5\r\n$-1\r\n\r\n',
    )
  })

  test('everything else is handed on', () => {
    for (const reply of [
      '%1\r\n+a\r\n:1\r\n',
      '~0\r\n',
      ',1.5\r\n',
      '#t\r\n',
      '=5\r\ntxt:a\r\n',
      '-ERR x\r\n',
      '*0\r\n',
    ]) {
      const bytes = Buffer.from(reply)
      assert.equal(toResp3(bytes), bytes)
    }
  })
})

/** A random canonical reply together with its RESP2 form, made by another way: from the tree. */
const tree = fc.letrec<{ value: { canonical: Buffer; resp2: Buffer } }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.uint8Array({ maxLength: 12 }).map((bytes) => same(bulkReply(Buffer.from(bytes)))),
    fc.integer().map((number) => same(integerReply(number))),
    fc.constantFrom(
      same(NULL_REPLY),
      same(NULL_ARRAY_REPLY),
      same(simpleReply('OK')),
      same(errorReply('ERR no')),
    ),
    fc.boolean().map((flag) => ({
      canonical: Buffer.from(`#${flag ? 't' : 'f'}\r\n`),
      resp2: integerReply(flag ? 1 : 0),
    })),
    fc.string({ unit: 'binary-ascii', maxLength: 9 }).map((words) => ({
      canonical: verbatimReply('txt', words),
      resp2: bulkReply(Buffer.from(words)),
    })),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => ({
      canonical: arrayReply(items.map((item) => item.canonical)),
      resp2: arrayReply(items.map((item) => item.resp2)),
    })),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => ({
      canonical: mapReply(pairs.flat().map((item) => item.canonical)),
      resp2: arrayReply(pairs.flat().map((item) => item.resp2)),
    })),
  ),
}))

function same(reply: Buffer): { canonical: Buffer; resp2: Buffer } {
  return { canonical: reply, resp2: reply }
}

test('any tree of replies converts as its parts do', () => {
  fc.assert(
    fc.property(tree.value, ({ canonical, resp2 }) => {
      assert.equal(text(toResp2(canonical)), text(resp2))
    }),
    { numRuns: 500, seed: 20_263 },
  )
})

test('arrayElements() gives the elements of any array back', () => {
  fc.assert(
    fc.property(fc.array(tree.value, { maxLength: 6 }), (items) => {
      const elements = items.map((item) => item.canonical)
      assert.deepEqual(arrayElements(arrayReply(elements))?.map(text), elements.map(text))
    }),
    { numRuns: 300, seed: 20_264 },
  )
  assert.equal(arrayElements(NULL_ARRAY_REPLY), null)
  assert.equal(arrayElements(errorReply('ERR x')), null)
})
