/** The checksum of Redis' dumps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc64 } from './crc64.ts'

test('the check value of the algorithm', () => {
  assert.equal(crc64(Buffer.from('123456789')).reverse().toString('hex'), 'e9c6d914c4b8d9ca')
  assert.equal(crc64(Buffer.alloc(0)).toString('hex'), '0000000000000000')
})
