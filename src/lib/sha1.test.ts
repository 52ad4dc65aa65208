/** SHA-1 against the implementation of Node, at every length around a block. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { sha1Hex } from './sha1.ts'

test('the digest is that of node:crypto for every length up to three blocks, and for a megabyte', () => {
  for (const length of [...Array(193).keys(), 1_000_003]) {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = (i * 131 + length) & 255
    assert.equal(sha1Hex(bytes), createHash('sha1').update(bytes).digest('hex'), `length ${length}`)
  }
})
