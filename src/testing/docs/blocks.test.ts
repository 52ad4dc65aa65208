/** Blocks are found, cut and compared as the tables in blocks.ts say. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blocksOf, indentedBlocks, patternOf, problemOf, stepsOf } from './blocks.ts'

describe('reading blocks', () => {
  test('finds language, marks and place, also of an indented one', () => {
    const [block, ...more] = blocksOf(
      'page.md',
      'text\n\n- item\n\n  ```sh terminal docker\n  a\n    b\n  ```\n',
    )
    assert.deepEqual(more, [])
    assert.deepEqual(block, {
      page: 'page.md',
      line: 5,
      language: 'sh',
      marks: ['terminal', 'docker'],
      text: 'a\n  b\n',
    })
  })

  test('finds fault with a block that nobody knows how to run', () => {
    const problems = ['', 'shell', 'sh nonsense', 'text docker', 'console', 'sh docker'].map((info) =>
      blocksOf('page.md', `\`\`\`${info}\nls\n\`\`\`\n`).map(problemOf),
    )
    assert.deepEqual(
      problems.flat().map((problem) => problem === null),
      [false, false, false, false, false, true],
    )
    assert.throws(() => blocksOf('page.md', '```sh\nls\n'), /page\.md:1: the block has no end/)
    assert.deepEqual(indentedBlocks('page.md', 'text\n\n    ls\n\n```text\n\n    ls\n```\n'), ['page.md:3'])
  })

  test('cuts a console into commands and outputs', () => {
    assert.deepEqual(stepsOf('$ a \\\n  b\n1\n2\n$ c\n'), [
      { command: 'a \\\n  b', wanted: '1\n2' },
      { command: 'c', wanted: '' },
    ])
  })

  test('takes dots for anything, and dots on a line of their own for any number of lines', () => {
    for (const [wanted, output, isMatch] of [
      ['a...b', 'a b', true],
      ['a...b', 'ab c', false],
      ['a\n...\nb', 'a\nb', true],
      ['a\n...\nb', 'a\nx\ny\nb', true],
      ['a\n...\nb', 'a\nxb', false],
      ['a.c', 'abc', false],
      ['...\nend', 'end', true],
      ['', 'something', false],
    ] as const) {
      assert.equal(patternOf(wanted).test(output), isMatch, `${wanted} / ${output}`)
    }
  })
})
