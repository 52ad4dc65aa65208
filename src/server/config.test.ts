/** Configuration: precedence, refusals that help, secrets from files, and R19. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigError, type ResolvedConfig, resolveConfig } from './config.ts'
import { envName, fileKey, settingRows } from './config-settings.ts'

interface Given {
  readonly flags?: Record<string, string>
  readonly env?: Record<string, string>
  readonly files?: Record<string, string>
}

function resolve(given: Given): ResolvedConfig {
  const readFile = (path: string) => {
    const text = given.files?.[path]
    if (text === undefined) throw new Error('no such file')
    return text
  }
  return resolveConfig({ flags: given.flags ?? {}, env: given.env ?? {}, readFile })
}

function problems(given: Given): string {
  try {
    resolve(given)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.join('\n')
  }
  return assert.fail('the configuration was accepted')
}

describe('resolveConfig', () => {
  test('needs nothing: one node on loopback', () => {
    const { config, warnings } = resolve({})
    assert.deepEqual(
      [config.nodeId, config.host, config.redisPort, config.cluster],
      ['node1', '127.0.0.1', 6379, []],
    )
    assert.deepEqual(warnings, [])
  })

  test('a flag wins over the environment, that over the file, that over the default', () => {
    const files = { 'k.toml': 'redis_port = 1\nhttp_port = 1001\npeer_port = 2001\ninsecure = true\n' }
    const env = { KVORUM_CONFIG: 'k.toml', KVORUM_REDIS_PORT: '2', KVORUM_HTTP_PORT: '1002' }
    const { config } = resolve({ files, env, flags: { 'redis-port': '3' } })
    assert.deepEqual([config.redisPort, config.httpPort, config.peerPort], [3, 1002, 2001])
    assert.equal(config.insecure, true)
  })

  test('every setting can be given by flag, by variable and in the file', () => {
    for (const [name, setting] of settingRows()) {
      const text = SAMPLES[setting.flag] ?? setting.kind.format(setting.fallback)
      const byFlag = resolve({ flags: { [setting.flag]: text } }).config[name]
      assert.deepEqual(resolve({ env: { [envName(setting.flag)]: text } }).config[name], byFlag)
      const files = { f: `${fileKey(setting.flag)} = '${text}'` }
      assert.deepEqual(resolve({ flags: { config: 'f' }, files }).config[name], byFlag)
    }
  })

  test('unknown names are refused with the one that was meant', () => {
    assert.match(
      problems({ flags: { 'reddis-port': '1' } }),
      /no flag --reddis-port \(did you mean --redis-port\?\)/,
    )
    assert.match(problems({ env: { KVORUM_NODEID: 'x' } }), /KVORUM_NODEID .*did you mean KVORUM_NODE_ID\?/)
    const files = { f: 'redis-port = 1' }
    assert.match(
      problems({ flags: { config: 'f' }, files }),
      /redis-port \(configuration file\) \(did you mean redis_port\?\)/,
    )
    // What all names begin with makes no name look near.
    assert.equal(problems({ env: { KVORUM_FOO: 'x' } }), 'There is no setting KVORUM_FOO (environment)')
  })

  test('values that do not go together are named with both', () => {
    assert.match(
      problems({ flags: { 'election-timeout-ms': '100', 'heartbeat-ms': '60' } }),
      /Cannot use 100ms for --election-timeout-ms: wanted at least twice --heartbeat-ms, which is 60ms/,
    )
  })

  test('variables that Kubernetes sets for a service are not ours', () => {
    resolve({
      env: { KVORUM_SERVICE_HOST: '10.0.0.1', KVORUM_PORT_6379_TCP_ADDR: '10.0.0.1', KVORUM_PORT: 'tcp://x' },
    })
  })

  test('a wrong value is named together with what was wanted; all problems come at once', () => {
    const text = problems({ flags: { 'redis-port': '70000', data: '' }, env: { KVORUM_LOG_LEVEL: 'loud' } })
    assert.match(text, /Cannot use '70000' for --redis-port: wanted a port from 0/)
    assert.match(text, /Cannot use '' for --data: wanted the path of a folder/)
    assert.match(text, /Cannot use 'loud' for KVORUM_LOG_LEVEL: wanted one of debug, info, warn, error/)
  })

  test('secrets come from files too, and never show up in a message', () => {
    const files = { s: 'hunter2\n', bad: 'hunter2\nhunter3' }
    assert.equal(resolve({ env: { KVORUM_PASSWORD_FILE: 's' }, files }).config.password, 'hunter2')
    assert.match(
      problems({ env: { KVORUM_PASSWORD: 'x', KVORUM_PASSWORD_FILE: 's' }, files }),
      /Both .* are set/,
    )
    assert.match(problems({ env: { KVORUM_CLUSTER_SECRET_FILE: 'none' } }), /Cannot read none/)
    assert.doesNotMatch(problems({ env: { KVORUM_PASSWORD_FILE: 'bad' }, files }), /hunter/)
    const broken = { f: 'password = "hunter2"\nport = = 1\n' }
    assert.match(problems({ flags: { config: 'f' }, files: broken }), / f: line 2, column 8: invalid value$/)
  })

  test('--cluster as a table in the file, and as pairs', () => {
    const files = { f: '[cluster]\nnode1 = "10.0.0.1:9090"\nn2 = "[fd00::2]:9090"\n' }
    const { config, warnings } = resolve({ flags: { config: 'f' }, files })
    assert.deepEqual(config.cluster[1], { name: 'n2', address: '[fd00::2]:9090' })
    assert.equal(warnings.length, 2)
    for (const cluster of ['node1', 'node1=h', 'node1=h:1,node1=h:2', 'node1=h:1,n2=h:1']) {
      assert.match(problems({ flags: { cluster } }), /wanted name=host:port pairs/)
    }
    assert.match(
      problems({ flags: { cluster: 'n2=h:1' } }),
      /names n2 but not this node: add node1=host:port/,
    )
  })

  test('sizes and times take units', () => {
    const { config } = resolve({
      flags: { 'memtable-bytes': '1mb', 'heartbeat-ms': '20ms', 'election-timeout-ms': '1s' },
    })
    assert.deepEqual(
      [config.memtableBytes, config.heartbeatMs, config.electionTimeoutMs],
      [1024 ** 2, 20, 1000],
    )
  })

  test('two doors cannot share a port', () => {
    assert.match(problems({ flags: { 'redis-port': '8080' } }), /must be different/)
    resolve({ flags: { 'redis-port': '0', 'http-port': '0', 'peer-port': '0' } })
  })

  test('R19: beyond loopback a node wants both secrets, or --insecure', () => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'db1.example.com', '127.0.0.1.example.com']) {
      assert.match(
        problems({ flags: { host } }),
        /Refusing to listen on .* without --password .* and --cluster-secret/,
      )
      assert.match(problems({ flags: { host, password: 'p' } }), /without --cluster-secret/)
      resolve({ flags: { host, insecure: 'true' } })
      resolve({ flags: { host, password: 'p', 'cluster-secret': 's' } })
    }
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) resolve({ flags: { host } })
  })
})

describe('TLS settings', () => {
  const pair = { 'tls-cert': 'c', 'tls-key': 'k' }

  test('certificate and key belong together; what verifies others wants an authority', () => {
    assert.match(problems({ flags: { 'tls-cert': 'c' } }), /belong together/)
    assert.match(problems({ flags: { 'tls-key': 'k' } }), /belong together/)
    assert.match(problems({ flags: pair }), /TLS between nodes wants --tls-ca.*or --tls-peer off/)
    assert.match(
      problems({ flags: { ...pair, 'tls-peer': 'off', 'tls-clients': 'optional' } }),
      /--tls-clients optional wants --tls-ca/,
    )
    resolve({ flags: { ...pair, 'tls-peer': 'off' } })
    const { config } = resolve({ flags: { ...pair, 'tls-ca': 'a' } })
    assert.deepEqual(
      [config.tlsRedis, config.tlsHttp, config.tlsPeer, config.tlsClients],
      ['on', 'on', 'on', 'none'],
    )
  })

  test('R19: a secret on the command line is warned of, one from elsewhere is not', () => {
    const given = { password: 'p', 'cluster-secret': 's' }
    assert.equal(resolve({ flags: given }).warnings.length, 2)
    assert.match(resolve({ flags: given }).warnings.join(), /--cluster-secret .* KVORUM_CLUSTER_SECRET_FILE/)
    assert.deepEqual(resolve({ env: { KVORUM_PASSWORD: 'p', KVORUM_CLUSTER_SECRET: 's' } }).warnings, [])
  })
})

/** Text that a setting accepts: its default, or one for those that are empty by default. */
const SAMPLES: Readonly<Record<string, string>> = {
  cluster: 'node1=127.0.0.1:9090',
  'advertise-redis': 'db1:6379',
  'advertise-http': 'db1:8080',
  'allowed-hosts': 'db1',
  password: 'p',
  'cluster-secret': 's',
  'previous-password': 'pp',
  'previous-cluster-secret': 'ps',
}
