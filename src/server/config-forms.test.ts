/** Configuration in the forms of earlier systems: what ports, names and addresses come of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigError, type ResolvedConfig, resolveConfig } from './config.ts'
import { ownPeerAddress } from './config-forms.ts'

function resolve(flags: Record<string, string>, env: Record<string, string> = {}): ResolvedConfig {
  return resolveConfig({ flags, env, readFile: () => assert.fail('no file is read') })
}

function problem(flags: Record<string, string>, env: Record<string, string> = {}): string {
  try {
    resolve(flags, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.join('\n')
  }
  return assert.fail('the configuration was accepted')
}

const OTHERS = '[{"url":"http://node2:8000/kv-store/v1"},{"url":"http://node3:8000/kv-store/v1"}]'

describe('--addr', () => {
  test('is the one port of all client doors, and alone no other port opens', () => {
    const { config } = resolve({ addr: '127.0.0.1:8080' })
    assert.deepEqual(
      [config.host, config.httpPort, config.redisPort, config.onePort, config.hasPeerPort],
      ['127.0.0.1', 8080, 8080, true, false],
    )
    assert.equal(ownPeerAddress(config), 'http://127.0.0.1:8080')
    assert.equal(resolve({ addr: '[::1]:80' }).config.host, '::1')
  })

  test('without a host is loopback, and says so', () => {
    const { config, warnings } = resolve({ addr: ':8080' })
    assert.equal(config.host, '127.0.0.1')
    assert.match(warnings.join(), /--addr :8080 names no host: listening on 127\.0\.0\.1 only/)
  })

  test('contradicts host and ports; beyond loopback it wants the secrets (R19)', () => {
    assert.match(problem({ addr: ':8080', 'http-port': '1' }), /leave out --host and the ports/)
    assert.match(problem({ addr: 'nonsense' }), /wanted \[host\]:port/)
    assert.match(problem({ addr: '0.0.0.0:8080' }), /Refusing to listen on 0\.0\.0\.0/)
  })
})

describe('addresses without names', () => {
  const cluster = 'localhost:8081,localhost:8083,localhost:8085'

  test('leave the names to be learned, and find this node among them', () => {
    const { config } = resolve({ addr: ':8082', 'node-id': 'node2', 'peer-port': '8083', cluster })
    assert.deepEqual(
      config.cluster.map(({ name }) => name),
      ['', '', ''],
    )
    assert.deepEqual([config.nodeId, config.hasPeerPort, config.peerPort], ['node2', true, 8083])
    assert.equal(ownPeerAddress(config), 'localhost:8083')
  })

  test('the replication port is 8081 unless said, and a node without a name gets one', () => {
    const { config } = resolve({ addr: ':8080', cluster })
    assert.deepEqual([config.peerPort, config.nodeId, ownPeerAddress(config)], [8081, '', 'localhost:8081'])
  })

  test('on a wildcard address the own one is not guessed', () => {
    const flags = { addr: '0.0.0.0:8080', insecure: 'true', cluster: 'a:8081,b:8081' }
    assert.equal(ownPeerAddress(resolve(flags).config), '0.0.0.0:8081')
  })

  test('do not go with names, and come once each', () => {
    assert.match(problem({ cluster: 'node1=a:1,b:2' }), /name=host:port pairs/)
    assert.match(problem({ cluster: 'a:1,a:1' }), /name=host:port pairs/)
  })
})

describe('REPLICA_NODES', () => {
  test('names the HTTP ports of the others, which other nodes use, too', () => {
    const { config, warnings } = resolve({ addr: '127.0.0.1:8000' }, { REPLICA_NODES: OTHERS })
    assert.deepEqual(config.cluster, [
      { name: '', address: 'http://node2:8000' },
      { name: '', address: 'http://node3:8000' },
    ])
    assert.deepEqual([config.hasPeerPort, config.nodeId], [false, ''])
    assert.deepEqual(warnings, [])
    const ports = resolve({ 'http-port': '8000', 'node-id': 'a' }, { REPLICA_NODES: OTHERS }).config
    assert.deepEqual([ports.redisPort, ports.hasPeerPort, ports.nodeId], [6379, false, 'a'])
  })

  test('empty is a node of its own; what cannot be read is refused, not ignored', () => {
    for (const text of ['', ' ', '[]']) {
      const { config } = resolve({}, { REPLICA_NODES: text })
      assert.deepEqual([config.cluster, config.hasPeerPort, config.nodeId], [[], true, 'node1'])
    }
    for (const text of [
      '[',
      '{}',
      '["http://a:1"]',
      '[{"url":"ftp://a:1"}]',
      '[{"url":"https://a:1"}]',
      '[null]',
    ])
      assert.match(problem({}, { REPLICA_NODES: text }), /for REPLICA_NODES: wanted the other nodes as JSON/)
    assert.match(problem({ cluster: 'node1=a:1' }, { REPLICA_NODES: OTHERS }), /keep one/)
  })

  test('a URL without a port means port 80', () => {
    const { config } = resolve(
      {},
      { REPLICA_NODES: '[{"url":"http://a/kv-store/v1"},{"url":"http://[::1]:8/"}]' },
    )
    assert.deepEqual(
      config.cluster.map(({ address }) => address),
      ['http://a:80', 'http://[::1]:8'],
    )
  })
})
