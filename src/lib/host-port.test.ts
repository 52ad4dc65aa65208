/** The one form of addresses: what is taken, what is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bracketed, parseHostPort } from './host-port.ts'

test('names, IPv4 and bracketed IPv6 addresses with a port are taken apart', () => {
  assert.deepEqual(parseHostPort('db-1.example_net:1'), { host: 'db-1.example_net', port: 1 })
  assert.deepEqual(parseHostPort('10.0.0.1:65535'), { host: '10.0.0.1', port: 65_535 })
  assert.deepEqual(parseHostPort('[::1]:9090'), { host: '::1', port: 9_090 })
})

test('what is no host with a port is refused', () => {
  const wrong = [
    '',
    ':1',
    'a',
    'a:',
    'a:0',
    'a:65536',
    'a:1x',
    'a: 1',
    '::1:9090',
    '[::1]',
    'a b:1',
    'http://a:1',
  ]
  for (const text of wrong) assert.equal(parseHostPort(text), null, text)
})

test('a host in brackets can be taken apart again', () => {
  for (const host of ['localhost', '::1']) {
    assert.deepEqual(parseHostPort(`${bracketed(host)}:80`), { host, port: 80 })
  }
})
