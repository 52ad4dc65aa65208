/** A TLS handshake is told from everything else that a port may hear first. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTls } from './tls-record.ts'

test('three bytes tell TLS from RESP, HTTP, inline text and frames between nodes', () => {
  assert.equal(isTls(Buffer.from([0x16, 3, 1, 2, 0])), true)
  assert.equal(isTls(Buffer.from([0x16, 3, 3])), true)
  for (const text of ['*1\r\n', 'GET / HTTP/1.1', 'PING']) assert.equal(isTls(Buffer.from(text)), false)
  // A frame of 0x0316 bytes.
  assert.equal(isTls(Buffer.from([0x16, 3, 0, 0])), false)
})

test('nothing is decided too early', () => {
  for (const bytes of [[], [0x16], [0x16, 3]]) assert.equal(isTls(Buffer.from(bytes)), null)
})
