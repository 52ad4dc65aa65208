/** Patterns against texts; differential.test.ts compares many more with redis-server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { globMatches } from './glob.ts'

function matches(pattern: string, text: string): boolean {
  return globMatches(Buffer.from(pattern, 'latin1'), Buffer.from(text, 'latin1'))
}

const CASES: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['abc', ['abc'], ['ab', 'abcd', 'ABC', '']],
  ['*', ['a', 'anything'], ['']],
  ['a*', ['a', 'ab'], ['ba']],
  ['*a', ['a', 'ba'], ['ab']],
  ['a**b', ['ab', 'axyb'], ['a']],
  ['a?c', ['abc', 'a?c'], ['ac', 'abbc']],
  ['[abc]x', ['ax', 'cx'], ['dx', 'x']],
  ['[^abc]x', ['dx'], ['ax']],
  ['[a-c]', ['a', 'b', 'c'], ['d']],
  ['[c-a]', ['a', 'b', 'c'], ['d']],
  ['[a-]', ['a', ']', '^'], ['-', 'b']],
  ['[\\]]', [']'], ['\\']],
  ['[ab', ['a', 'b'], ['c']],
  ['[', [], ['[', 'a']],
  ['[]', [], ['', ']']],
  ['[^]', ['x'], ['']],
  ['\\*', ['*'], ['x']],
  ['\\', ['\\'], ['']],
  ['h[^e]llo*', ['hallo', 'hbllo world'], ['hello']],
  ['[\x7f-\x81]', [], ['\x80']],
  ['[\x80-\xff]', ['\x80', '\x90', '\xff'], ['a']],
  ['', [''], ['a']],
]

for (const [pattern, yes, no] of CASES) {
  test(`${JSON.stringify(pattern)} matches what it should and nothing else`, () => {
    for (const text of yes) assert.equal(matches(pattern, text), true, text)
    for (const text of no) assert.equal(matches(pattern, text), false, text)
  })
}

test('many stars against a long text take no exponential time', () => {
  assert.equal(matches(`${'a*'.repeat(100)}b`, 'a'.repeat(2_000)), false)
})
