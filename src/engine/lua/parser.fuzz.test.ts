/** Nobody's bytes make the compiler or a run throw anything but what a script may fail with, or run without end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../lib/random.ts'
import { EngineClient } from '../../testing/engine/engine-client.ts'
import { scriptCases } from '../../testing/engine/script-cases.ts'
import { compileProgram } from './compile-statement.ts'
import { SyntaxFailure } from './lexer.ts'

const ALPHABET = [
  'local ',
  'function ',
  'end ',
  'if ',
  'then ',
  'while ',
  'do ',
  'return ',
  'x',
  '1',
  '"',
  "'",
  '[[',
  ']]',
]
const SIGNS = [
  ...'()[]{}=~<>+-*/%^#,;:.\n\\ \0\xff'.split(''),
  '..',
  '...',
  '--',
  '==',
  'and ',
  'or ',
  'not ',
  'nil ',
]

function compiles(source: string): boolean {
  try {
    compileProgram(source, 'fuzz')
    return true
  } catch (error) {
    assert.ok(error instanceof SyntaxFailure, `${String(error)} for ${JSON.stringify(source)}`)
    return false
  }
}

test('random words and mutated scripts compile, or fail as syntax', () => {
  const random = new SeededRandom(9)
  const words = [...ALPHABET, ...SIGNS]
  let compiled = 0
  for (let i = 0; i < 4_000; i++) {
    const source = Array.from({ length: random.below(30) }, () => words[random.below(words.length)]).join('')
    if (compiles(source)) compiled++
  }
  assert.ok(compiled > 0)
  for (let i = 0; i < 4_000; i++) compiles(mutated(random))
})

test('mutated scripts that compile run to an end', () => {
  const random = new SeededRandom(10)
  const client = new EngineClient()
  let ran = 0
  for (let i = 0; i < 1_500; i++) {
    const source = mutated(random)
    if (/while|repeat|for |1e|\^|rep/.test(source) || !compiles(source)) continue
    assert.match(client.run('EVAL', Buffer.from(source, 'latin1'), 0), /^[+\-:$*%~,(#_=]/)
    ran++
  }
  assert.ok(ran > 100, `${ran} ran`)
})

test('however deep a program is nested, it is refused and the stack holds', () => {
  for (const [open, inner, close] of [
    ['(', '1', ')'],
    ['{', '', '}'],
    ['function() return ', '1', ' end'],
    ['- ', '1', ''],
    ['not ', '1', ''],
    ['1 ^ ', '1', ''],
    ['f(', '1', ')'],
    ['a[', '1', ']'],
  ] as const) {
    assert.equal(compiles(`return ${open.repeat(50_000)}${inner}${close.repeat(50_000)}`), false, open)
  }
  for (const tail of ['+1', '.a', '()', '[1]', ':f()', ' and 1']) {
    assert.equal(compiles(`local a return a${tail.repeat(20_000)}`), false, tail)
  }
  assert.equal(compiles('do '.repeat(50_000)), false)
  assert.equal(compiles(`return 1${' .. 1'.repeat(5_000)}`), true, 'a chain of .. is not deep')
})

function mutated(random: SeededRandom): string {
  let source = (scriptCases[random.below(scriptCases.length)] as { script: string }).script
  for (let i = random.below(4); i >= 0; i--) {
    const at = random.below(source.length + 1)
    const sign = SIGNS[random.below(SIGNS.length)] as string
    const cut = random.below(3)
    source = source.slice(0, at) + (random.below(2) === 0 ? sign : '') + source.slice(at + cut)
  }
  return source
}
