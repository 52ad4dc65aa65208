/** JSON in pieces is the JSON that JSON.stringify() gives, whatever is long in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { base64Pieces, elementPieces, JsonList, jsonPieces, jsonText, LongText } from './json-pieces.ts'

const joined = (pieces: Iterable<Buffer>): string => Buffer.concat([...pieces]).toString()

test('pieces together are what JSON.stringify() gives', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme', maxLength: 50 }), (value, text) => {
      const long = new LongText(Buffer.from(text), 'utf8')
      const base64 = new LongText(Buffer.from(text), 'base64')
      const lazy = { value, none: undefined, list: new JsonList([value, { long }, new JsonList([])]), base64 }
      const plain = {
        value,
        list: [value, { long: Buffer.from(text).toString() }, []],
        base64: Buffer.from(text).toString('base64'),
      }
      assert.equal(joined(jsonPieces(lazy)), JSON.stringify(plain))
      assert.equal(JSON.stringify({ long, base64 }), joined(jsonPieces({ long, base64 })))
    }),
  )
})

test('long text is cut between characters, and base64 between groups', () => {
  for (const character of ['x', '\u0001', 'ä', '語', '😀']) {
    for (const shift of [0, 1, 2, 3]) {
      const text = 'a'.repeat(shift) + character.repeat(200_000)
      const bytes = Buffer.from(text)
      const pieces = [...jsonPieces({ text: jsonText(bytes, 'utf8') }, '\n')]
      assert.equal(joined(pieces), `${JSON.stringify({ text })}\n`)
      assert.ok(pieces.length > 1)
      assert.ok(pieces.every(({ length }) => length < 512 * 1024))
      assert.equal(joined(jsonPieces(jsonText(bytes, 'base64'))), `"${bytes.toString('base64')}"`)
      assert.equal(joined(base64Pieces(bytes)), bytes.toString('base64'))
    }
  }
  assert.equal(joined(base64Pieces(Buffer.alloc(0))), '')
})

test('elements are made when they are asked for', () => {
  let made = 0
  const elements = function* (): Generator<string> {
    for (; made < 100; made++) yield 'x'.repeat(10_000)
  }
  const pieces = elementPieces('[', elements(), ']')
  const first = pieces.next().value as Buffer
  assert.ok(made > 0 && made < 20, `${made} were made for the first piece`)
  assert.equal(JSON.parse(joined([first, ...pieces])).length, 100)
})
