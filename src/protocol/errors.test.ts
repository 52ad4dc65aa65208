/** The error table keeps the promises that clients build on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors } from './errors.ts'

const RETRIED_BY_CLIENTS = ['LOADING', 'READONLY', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'NOREPLICAS']

test('R16: what may have been applied never begins with a word that clients retry on, and is not retryable', () => {
  for (const [code, row] of Object.entries(errors)) {
    if (row.effect === 'none') continue
    assert.equal(row.retryable, false, code)
    assert.ok(!RETRIED_BY_CLIENTS.includes(row.resp.split(' ')[0] ?? ''), code)
  }
})

test('R16: a retryable refusal says that nothing was applied, and has a status that clients retry', () => {
  for (const [code, row] of Object.entries(errors)) {
    if (!row.retryable) continue
    assert.equal(row.effect, 'none', code)
    assert.match(row.resp, /the command was not applied$/, code)
    assert.ok([429, 503, 507].includes(row.http) && row.exit === 7, code)
  }
})

test('every error line is one line that begins with an upper-case word', () => {
  for (const [code, row] of Object.entries(errors)) assert.match(row.resp, /^[A-Z]+ [^\r\n]+$/, code)
})
