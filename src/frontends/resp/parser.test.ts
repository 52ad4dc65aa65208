/** The parser against a second model of the protocol, any chunking, and garbage. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../../protocol/limits.ts'
import { encodeWords } from '../../testing/doors/door-fixture.ts'
import { NameTable } from './names.ts'
import { Parsed, RespParser } from './parser.ts'

const names = new NameTable<string>([
  ['get', 'get'],
  ['set', 'set'],
  ['client', 'client'],
])

interface Seen {
  readonly commands: string[][]
  readonly error: string | null
}

/** All commands of the chunks, as lower-case known names and latin1 arguments. */
function parse(chunks: readonly Buffer[], isTrusted = true): Seen {
  const parser = new RespParser(names)
  parser.isTrusted = isTrusted
  const commands: string[][] = []
  for (const chunk of chunks) {
    parser.push(chunk)
    for (;;) {
      const parsed = parser.next()
      if (parsed === Parsed.more) break
      if (parsed === Parsed.error) return { commands, error: parser.error }
      const name = parser.entry ?? parser.name.toString('latin1')
      commands.push([name, ...parser.args.map((arg) => arg.toString('latin1'))])
    }
  }
  return { commands, error: null }
}

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const sorted = [...new Set(points.map((point) => point % (bytes.length + 1)))].sort((a, b) => a - b)
  const chunks: Buffer[] = []
  let from = 0
  for (const to of [...sorted, bytes.length]) {
    chunks.push(bytes.subarray(from, to))
    from = to
  }
  return chunks
}

const one = (text: string, isTrusted = true): Seen => parse([Buffer.from(text, 'latin1')], isTrusted)

describe('RespParser', () => {
  test('any chunking gives the same commands', () => {
    const word = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
    const name = fc.constantFrom('GET', 'set', 'CLIENT', 'nosuch', '')
    const commands = fc.array(fc.tuple(name, fc.array(word, { maxLength: 4 })), { maxLength: 12 })
    fc.assert(
      fc.property(commands, fc.array(fc.nat(), { maxLength: 30 }), (list, points) => {
        const stream = Buffer.concat(list.map(([first, rest]) => encodeWords([first, ...rest])))
        const expected = list.map(([first, rest]) => {
          const known = ['get', 'set', 'client'].includes(first.toLowerCase())
          return [known ? first.toLowerCase() : first, ...rest.map((arg) => arg.toString('latin1'))]
        })
        assert.deepEqual(parse(cut(stream, points)), { commands: expected, error: null })
      }),
      { numRuns: 300, seed: 20_261 },
    )
  })

  test('a stream byte by byte gives the same commands, inline and arrays mixed', () => {
    const stream = Buffer.from(
      'PING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset a "b c"\n\r\n*0\r\n*-1\r\n*1\r\n$4\r\nping\r\n',
    )
    const expected = [['PING'], ['get', 'k'], ['set', 'a', 'b c'], ['ping']]
    assert.deepEqual(parse([...stream].map((byte) => Buffer.from([byte]))).commands, expected)
    assert.deepEqual(parse([stream]).commands, expected)
  })

  test('large arguments survive any chunking', () => {
    const value = Buffer.alloc(200_000, 'x\r\n$')
    const stream = Buffer.concat([encodeWords(['set', 'k', value]), encodeWords(['get', value, 'z'])])
    const expected = [
      ['set', 'k', value.toString('latin1')],
      ['get', value.toString('latin1'), 'z'],
    ]
    for (const size of [1_000, 4_096, 65_536, 399_000]) {
      const chunks: Buffer[] = []
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size))
      assert.deepEqual(parse(chunks), { commands: expected, error: null })
    }
  })

  test('garbage never throws and gives protocol errors only', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('*', '$', '\r\n', '*3\r\n', '$5\r\n', '-1', '"', "'", ' ', '1', 'GET')
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.boolean(), (pieces, isTrusted) => {
        const seen = parse(pieces, isTrusted)
        assert.ok(seen.error === null || seen.error.startsWith('Protocol error: '))
        const joined = parse([Buffer.concat(pieces)], isTrusted)
        assert.deepEqual(joined, seen)
      }),
      { numRuns: 500, seed: 20_262 },
    )
  })

  test("errors have Redis' texts", () => {
    const texts: [string, string][] = [
      ['*a\r\n', 'invalid multibulk length'],
      ['*+1\r\n', 'invalid multibulk length'],
      ['*01\r\n', 'invalid multibulk length'],
      [`*${limits.requestArguments + 1}\r\n`, 'invalid multibulk length'],
      ['*1\r\nGET\r\n', "expected '$', got 'G'"],
      ['*1\r\n$-1\r\n', 'invalid bulk length'],
      ['*1\r\n$x\r\n', 'invalid bulk length'],
      [`*2\r\n$3\r\nGET\r\n$${limits.valueBytes + 1}\r\n`, 'invalid bulk length'],
      ['SET "a\r\n', 'unbalanced quotes in request'],
      [`SET "a"b\r\n`, 'unbalanced quotes in request'],
      ['a'.repeat(limits.inlineBytes + 1), 'too big inline request'],
    ]
    for (const [stream, text] of texts)
      assert.equal(one(stream).error, `Protocol error: ${text}`, stream.slice(0, 20))
  })

  test('a client that has not authenticated may send little', () => {
    assert.equal(one('*11\r\n', false).error, 'Protocol error: unauthenticated multibulk length')
    assert.equal(
      one('*2\r\n$3\r\nGET\r\n$16385\r\n', false).error,
      'Protocol error: unauthenticated bulk length',
    )
    assert.equal(one('*10\r\n', false).error, null)
  })

  test('all arguments together are limited', () => {
    const bulk = Buffer.alloc(limits.valueBytes)
    const parser = new RespParser(names)
    parser.push(Buffer.from('*9\r\n$3\r\nset\r\n'))
    for (let i = 0; i < limits.requestBytes / limits.valueBytes; i++) {
      parser.push(Buffer.from(`$${bulk.length}\r\n`))
      parser.next()
      parser.push(bulk)
      parser.push(Buffer.from('\r\n'))
      assert.equal(parser.next(), Parsed.more)
    }
    parser.push(Buffer.from('$1\r\n'))
    assert.equal(parser.next(), Parsed.error)
    assert.equal(parser.error, 'Protocol error: request is larger than the limit')
  })

  test('after an error nothing is parsed any more', () => {
    const seen = parse([Buffer.from('*x\r\n'), encodeWords(['get', 'k'])])
    assert.deepEqual(seen, { commands: [], error: 'Protocol error: invalid multibulk length' })
  })

  test('a small argument does not keep a large chunk in memory', () => {
    const parser = new RespParser(names)
    parser.push(Buffer.concat([encodeWords(['set', 'small', Buffer.alloc(60_000)])]))
    assert.equal(parser.next(), Parsed.command)
    const [small, large] = parser.args as [Buffer, Buffer]
    assert.equal(large.length, 60_000)
    assert.ok(small.buffer.byteLength <= 16_384)
  })

  test('a small chunk is viewed, not copied', () => {
    const parser = new RespParser(names)
    const chunk = Buffer.from(encodeWords(['set', 'k', 'v']))
    parser.push(chunk)
    parser.next()
    assert.equal(parser.args[1]?.buffer, chunk.buffer)
  })

  test("inline words follow Redis' quoting", () => {
    const lines: [string, string[]][] = [
      [String.raw`set "a\x41\n\t\"\\q" 'it\'s \n'`, ['set', 'aA\n\t"\\q', "it's \\n"]],
      ['  get \t k  ', ['get', 'k']],
      [`set k ""`, ['set', 'k', '']],
      [String.raw`set k "\xzz"`, ['set', 'k', 'xzz']],
      ['get a"b"', ['get', 'ab']],
    ]
    for (const [line, words] of lines) assert.deepEqual(one(`${line}\r\n`).commands, [words], line)
  })
})
