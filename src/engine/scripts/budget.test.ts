/**
 * What scripts can do counts for about the time it takes: each of these does one thing a few hundred times, and must
 * be ended by its budget. Where the work were not counted, it would go through to its end.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EngineClient } from '../../testing/engine/engine-client.ts'

const TIMES = 600
const MEGABYTE = "string.rep('x', 1000000)"
const LIST = 'local t = {} for i = 1, 7000 do t[i] = i end'

/** What is made first, and what is then done again and again. */
const WORK: Readonly<Record<string, readonly [prepare: string, work: string]>> = {
  'comparing long strings for equality': [`local a, b = ${MEGABYTE}, ${MEGABYTE}`, 'local c = a == b'],
  'comparing long strings for order': [`local a, b = ${MEGABYTE}, ${MEGABYTE}`, 'local c = a < b'],
  'rawequal of long strings': [`local a, b = ${MEGABYTE}, ${MEGABYTE}`, 'rawequal(a, b)'],
  'long keys': [`local a, b = ${MEGABYTE}, ${MEGABYTE} local t = {[a] = 1}`, 'local c = t[b]'],
  'rawget with long keys': [`local a, b = ${MEGABYTE}, ${MEGABYTE} local t = {[a] = 1}`, 'rawget(t, b)'],
  'next over holes': [
    'local t = {} for i = 1, 50000 do t[i] = i end for i = 1, 49999 do t[i] = nil end',
    'next(t)',
  ],
  'varargs handed on': [
    `${LIST} local function f(...) for i = 1, 10 do select('#', ...) end end`,
    'f(unpack(t))',
  ],
  'nested pcall with many arguments': [
    'local t = {} for i = 1, 7000 do t[i] = pcall end',
    'pcall(unpack(t))',
  ],
  'chains of __index': [
    'local t = {} for i = 1, 90 do t = setmetatable({}, {__index = t}) end',
    'for i = 1, 30 do local x = t.q end',
  ],
  'bytes of strings': ["local s = string.rep('x', 8000)", 'for i = 1, 4 do s:byte(1, 8000) end'],
  'a set in a pattern, never tried': [`local p = '[' .. ${MEGABYTE} .. ']'`, "string.find('', p)"],
  'a long replacement': [`local r = ${MEGABYTE} .. '%0'`, "string.gsub('x', 'x', r)"],
  'conversions of format': [`${LIST} local f = string.rep('%d', 7000)`, 'f:format(unpack(t))'],
  'texts of numbers': ["local s = string.rep('1', 4000)", 'for i = 1, 10 do local x = s + 1 end'],
  'texts that are no numbers': [
    "local s = 'x' .. string.rep(' ', 4000) .. 'x'",
    'for i = 1, 10 do tonumber(s) end',
  ],
  'spaces in JSON': ["local s = string.rep(' ', 1000000) .. '1'", 'cjson.decode(s)'],
  'JSON that does not end': [`local s = '"' .. ${MEGABYTE}`, 'pcall(cjson.decode, s)'],
  'characters that JSON escapes': ["local s = string.rep('\"', 10000)", 'cjson.encode(s)'],
  'characters that %q marks': ["local s = string.rep('\"', 10000)", "string.format('%q', s)"],
  'formats of struct': ["local s = string.rep('>', 1000000)", 'struct.size(s)'],
  'strings of struct without an end': [`local s = ${MEGABYTE}`, "pcall(struct.unpack, 's', s)"],
  'names of programs': [`local s = ${MEGABYTE}`, 'for i = 1, 20 do loadstring("x", s) end'],
  'errors with long texts': [`local s = ${MEGABYTE}`, 'pcall(error, s, 1)'],
  'error replies with long texts': [`local s = ${MEGABYTE}`, 'redis.error_reply(s)'],
  'words of commands': [
    "local t = {'exists'} for i = 2, 7000 do t[i] = i + 0.1 end",
    'redis.call(unpack(t))',
  ],
  LCS: [
    "redis.call('set', 'a', string.rep('ab', 500)) redis.call('set', 'b', string.rep('ba', 500))",
    "redis.call('lcs', 'a', 'b')",
  ],
  BITCOUNT: ["redis.call('set', 'k', string.rep('x', 1000000))", "redis.call('bitcount', 'k')"],
  SETRANGE: ['', "redis.call('setrange', 'k', 1000000, 'x') redis.call('del', 'k')"],
}

describe('R20: what a script does is counted', () => {
  for (const [name, [prepare, work]] of Object.entries(WORK)) {
    test(name, () => {
      const script = `${prepare} for times = 1, ${TIMES} do ${work} end return 'not counted'`
      assert.match(
        new EngineClient().run('EVAL', script, 0),
        /^-ERR the script (ran for more than|made more than|'s commands read more than)/,
      )
    })
  }

  test('a reply of many small values, and one that is nested deeply', () => {
    const client = new EngineClient()
    const many =
      'local a = {} for i = 1, 9000 do a[i] = 1 end local b = {} for i = 1, 900 do b[i] = a end return b'
    assert.match(client.run('EVAL', many, 0), /^-ERR the script ran for more than/)
    const deep = `local a = string.rep('x', 10000000) for i = 1, 190 do a = {a} end return a`
    assert.match(client.run('EVAL', deep, 0), /^-ERR the script ran for more than/)
  })

  test('texts that only grow when they are marked end by the budget, not with the process', () => {
    const client = new EngineClient()
    for (const made of ['cjson.encode(s)', "string.format('%q', s)"]) {
      const script = `local s = string.rep('\\1\\0', 30000000) return #${made}`
      assert.match(client.run('EVAL', script, 0), /^-ERR the script (ran for more than|made more than)/)
    }
  })

  test('scripts of one transaction share the steps, and nothing of it stays when they are used up', () => {
    const client = new EngineClient()
    const part = "redis.call('incr', 'k') for i = 1, 500000 do end return 1"
    assert.equal(client.run('EVAL', part, 0), ':1\r\n')
    const reply = client.transaction(Array.from({ length: 10 }, () => ['EVAL', part, 0]))
    assert.match(reply, /^-ERR the script ran for more than/)
    assert.equal(client.run('GET', 'k'), '$1\r\n1\r\n')
  })
})

test('R20: MGET and transactions whose replies would be too large are refused before they are made', () => {
  const client = new EngineClient()
  client.run('SET', 'k', Buffer.alloc(8_000_000))
  assert.match(client.run('MGET', ...Array.from({ length: 500 }, () => 'k')), /^-ERR .*exceeds/)
  const gets = Array.from({ length: 50 }, () => ['GET', 'k'])
  assert.match(client.transaction([['SET', 'other', 1], ...gets]), /^-ERR .*exceed/)
  assert.equal(client.run('GET', 'other'), '$-1\r\n')
})
