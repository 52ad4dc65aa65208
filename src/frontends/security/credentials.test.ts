/** R19, R20: which passwords are right, during a rotation too, and how often an address may be wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../protocol/limits.ts'
import { AuthLimiter } from './auth-limiter.ts'
import { Credentials } from './credentials.ts'

const standing: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  setTimer: () => ({ cancel() {} }),
  defer() {},
}

function wrongAt(limiter: AuthLimiter, address: string, nowMs: number): number {
  let count = 0
  while (limiter.allows(address, nowMs)) {
    limiter.failed(address, nowMs)
    count++
  }
  return count
}

test('R20: an address may be wrong twenty times at once, then five times a second', () => {
  const limiter = new AuthLimiter()
  assert.equal(wrongAt(limiter, '10.0.0.1', 0), 20)
  assert.equal(wrongAt(limiter, '10.0.0.1', 100), 0)
  assert.equal(wrongAt(limiter, '10.0.0.1', 1_000), 5)
  assert.equal(wrongAt(limiter, '10.0.0.1', 3_600_000), 20)
})

test('R20: other addresses are not concerned; an IPv6 network is one address, a mapped IPv4 address is itself', () => {
  const limiter = new AuthLimiter()
  wrongAt(limiter, '10.0.0.1', 0)
  assert.equal(limiter.allows('10.0.0.2', 0), true)
  assert.equal(limiter.allows('::ffff:10.0.0.1', 0), false)
  wrongAt(limiter, '2001:db8::1', 0)
  assert.equal(limiter.allows('2001:db8:0:0:ffff::2', 0), false)
  assert.equal(limiter.allows('2001:db8:0:1::1', 0), true)
  assert.equal(limiter.allows('fe80::1%eth0', 0), true)
})

test('R20: the addresses that are remembered are bounded, the quiet ones go first', () => {
  const limiter = new AuthLimiter()
  for (let i = 0; i < limits.authAddresses; i++)
    limiter.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, i)
  wrongAt(limiter, '10.0.0.0', limits.authAddresses)
  limiter.failed('192.0.2.1', limits.authAddresses)
  assert.equal(limiter.size, limits.authAddresses)
  assert.equal(limiter.allows('10.0.0.0', limits.authAddresses), false, 'it was busy lately')
})

test('R19: during a rotation both passwords are right, before and after it one', () => {
  const credentials = new Credentials(standing, 'old', '')
  const check = (password: string): string => credentials.check('10.0.0.1', 'default', Buffer.from(password))
  assert.deepEqual([check('old'), check('new')], ['right', 'wrong'])
  credentials.change('new', 'old')
  assert.deepEqual([check('old'), check('new')], ['right', 'right'])
  credentials.change('new', '')
  assert.deepEqual([check('old'), check('new')], ['wrong', 'right'])
  credentials.change('', 'old')
  assert.equal(credentials.hasPassword, false)
})

test('R19: only the user default exists; no password of an address is looked at after too many wrong ones', () => {
  const credentials = new Credentials(standing, 'p', '')
  assert.equal(credentials.check('a', 'root', Buffer.from('p')), 'wrong')
  for (let i = 0; i < 19; i++) credentials.check('a', 'default', Buffer.from(`${i}`))
  assert.equal(credentials.check('a', 'default', Buffer.from('p')), 'later')
  assert.equal(credentials.check('b', 'default', Buffer.from('p')), 'right')
})
