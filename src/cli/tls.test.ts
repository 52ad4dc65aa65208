/** R19 with real processes: TLS on every port of three nodes, the clients people have, and who must be refused. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { get as httpsGet, type RequestOptions } from 'node:https'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { replyText } from '../client/reply.ts'
import { NO_REFUSALS, TestCluster, withCluster } from '../testing/processes/cluster.ts'
import { runKvorum, runProgram } from '../testing/processes/kvorum.ts'
import { PATIENT } from '../testing/processes/load.ts'
import type { NodeProcess } from '../testing/processes/node-process.ts'
import { until } from '../testing/processes/wait.ts'
import { TestAuthority } from './testing/certificates.ts'

const authority = new TestAuthority()
const foreign = new TestAuthority()
const names = ['n1', 'n2', 'n3']
const nodeFiles = names.map((name) => authority.make('node', name))
const client = authority.make('client', 'app', [])

/** Lets the tests below use one cluster that withCluster() opens and closes. */
let cluster: TestCluster
let finish: () => void = () => {}
let ended: Promise<void> = Promise.resolve()

before(async () => {
  const options = {
    flags: { ...NO_REFUSALS, 'cluster-secret': 's3cret', 'tls-handshake-ms': 5_000 },
    nodeFlags: nodeFiles.map((files) => authority.flags(files)),
    tls: { ca: authority.ca },
  }
  await new Promise<void>((resolve, reject) => {
    ended = withCluster(options, (opened) => {
      cluster = opened
      resolve()
      return new Promise<void>((done) => {
        finish = done
      })
    })
    ended.catch(reject)
  })
})

after(async () => {
  finish()
  await ended
  authority.remove()
  foreign.remove()
})

/** What a TLS client sees: 'secure', or why not. The socket is closed. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', port, ...options })
    socket.once('secureConnect', () => {
      // With TLS 1.3 the server judges the client's certificate behind the handshake.
      socket.once('data', () => finishWith(socket, resolve, 'secure'))
      socket.once('close', () => resolve('closed by the server'))
      socket.write('PING\r\n')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

function finishWith(socket: Socket, resolve: (text: string) => void, text: string): void {
  socket.destroy()
  resolve(text)
}

function secured(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: authority.ca, ...options })
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
}

function plain(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connectTcp({ host: '127.0.0.1', port }, () => socket.write(bytes))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', () => {})
    socket.once('close', () => resolve(text))
  })
}

function fetchSecure(node: NodeProcess, path: string, more: RequestOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const { host, httpPort: port } = node.options
    const request = httpsGet({ host, port, path, ca: authority.ca, agent: false, ...more }, (response) => {
      let text = `${response.statusCode} `
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    request.on('error', reject)
  })
}

async function logged(node: NodeProcess, pattern: RegExp): Promise<void> {
  await until(`${node.name} to log ${pattern}`, () => pattern.test(node.output))
}

describe('TLS on every port', () => {
  test('R19: three nodes form a cluster over mutual TLS; a write at one is read at another', async () => {
    await cluster.node(0).command('SET', 'over', 'tls')
    assert.equal(replyText(await cluster.node(2).command('GET', 'over')), 'tls')
    for (const node of cluster.nodes) assert.match(node.output, /TLS is on/)
  })

  test('redis-cli --tls sets and gets', async (t) => {
    const redisCli = '/usr/bin/redis-cli'
    if (!existsSync(redisCli) && process.env.CI === undefined) return t.skip('redis-cli is not installed')
    const port = String(cluster.node(1).options.redisPort)
    const words = ['-p', port, '--tls', '--cacert', authority.caFile]
    assert.equal((await runProgram(redisCli, [...words, 'set', 'cli', 'v'])).stdout, 'OK\n')
    assert.equal((await runProgram(redisCli, [...words, 'get', 'cli'])).stdout, 'v\n')
    const wrong = await runProgram(redisCli, ['-p', port, '--tls', '--cacert', foreign.caFile, 'ping'])
    assert.notEqual(wrong.status, 0)
    return undefined
  })

  test('openssl s_client and curl verify it and are served', async (t) => {
    if (!existsSync('/usr/bin/openssl') && process.env.CI === undefined)
      return t.skip('openssl is not installed')
    const { redisPort, httpPort } = cluster.node(0).options
    const verify = `-CAfile ${authority.caFile} -verify_return_error -verify_hostname n1`
    const dial = `openssl s_client -connect 127.0.0.1:${redisPort} ${verify} -quiet`
    const asked = `printf 'PING\\r\\nQUIT\\r\\n' | ${dial}`
    assert.match((await runProgram('/bin/sh', ['-c', asked])).stdout, /PONG/)
    if (!existsSync('/usr/bin/curl')) return undefined
    const words = ['-sS', '-m', '10', '--cacert', authority.caFile, `https://localhost:${httpPort}/readyz`]
    const { stdout, stderr } = await runProgram('/usr/bin/curl', words)
    assert.match(stdout, /ok|ready/, stderr)
    return undefined
  })

  test('ioredis and node-redis connect over TLS', async () => {
    const port = cluster.node(0).options.redisPort
    const connectTimeout = 120_000
    for (const version of ['ioredis5', 'ioredis6'] as const) {
      const { Redis } = await import(version)
      const redis = new Redis({ host: '127.0.0.1', port, connectTimeout, tls: { ca: authority.ca } })
      assert.equal(await redis.incr(`${version}`), 1)
      redis.disconnect()
    }
    for (const version of ['redis5', 'redis6'] as const) {
      const { createClient } = await import(version)
      const socket = { host: '127.0.0.1', port, connectTimeout, tls: true as const, ca: authority.ca }
      const redis = createClient({ socket, commandOptions: PATIENT })
      await redis.connect()
      assert.equal(await redis.incr(`${version}`), 1)
      redis.destroy()
    }
  })

  test('the command line connects with rediss:// and --cacert, and says why it does not', async () => {
    const url = `rediss://127.0.0.1:${cluster.node(0).options.redisPort}`
    const words = ['-u', url, '--cacert', authority.caFile]
    // It waits two seconds for a handshake, in which a busy machine may not come to it.
    const runs = (more: string[], wanted: number, said: RegExp): Promise<unknown> =>
      until(`kvorum ${more.join(' ')} to end with ${wanted}`, async () => {
        const { status, stdout, stderr } = await runKvorum(more)
        assert.equal(status, wanted, stderr)
        assert.match(stdout + stderr, said)
        return true
      })
    await runs([...words, 'set', 'shell', 'x'], 0, /^OK\n$/)
    await runs([...words, 'get', 'shell'], 0, /^x\n$/)
    await runs(['-u', url, 'get', 'shell'], 6, /not signed by an authority that is trusted here/)
  })

  test('TLS 1.1 is refused', async () => {
    const old: ConnectionOptions = {
      ca: authority.ca,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'ALL@SECLEVEL=0',
    }
    for (const door of ['redisPort', 'httpPort', 'peerPort'] as const) {
      assert.notEqual(await handshake(cluster.node(0).options[door], old), 'secure')
    }
    assert.equal(
      await handshake(cluster.node(0).options.redisPort, { ca: authority.ca, maxVersion: 'TLSv1.2' }),
      'secure',
    )
  })

  test('a session is resumed', async () => {
    const { redisPort } = cluster.node(0).options
    const first = await secured(redisPort)
    const session = await new Promise<Buffer>((resolve) => first.once('session', resolve))
    first.destroy()
    const second = await secured(redisPort, { session })
    assert.equal(second.isSessionReused(), true)
    second.destroy()
  })
})

describe('refused', () => {
  test('plain text on a port with TLS gets an answer that says so, and a line in the log', async () => {
    const { redisPort, httpPort, peerPort } = cluster.node(0).options
    assert.match(await plain(redisPort, '*1\r\n$4\r\nPING\r\n'), /^-ERR this port speaks TLS: .*rediss/)
    const status = await new Promise((resolve, reject) => {
      httpGet({ host: '127.0.0.1', port: httpPort, path: '/readyz', agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })
    assert.equal(status, 400)
    assert.doesNotMatch(await plain(peerPort, 'hello, here is a stranger'), /KVRM/)
    await logged(cluster.node(0), /plain text to a port with TLS/)
    await logged(cluster.node(0), /it does not speak TLS/)
  })

  test('a client that trusts another authority refuses every port', async () => {
    for (const door of ['redisPort', 'httpPort', 'peerPort'] as const) {
      const seen = await handshake(cluster.node(0).options[door], { ca: foreign.ca })
      assert.match(seen, /UNABLE_TO_VERIFY|SELF_SIGNED/, door)
    }
  })

  test('the peer port wants a certificate of its own authority', async () => {
    const { peerPort } = cluster.node(0).options
    const { ca } = authority
    assert.notEqual(await handshake(peerPort, { ca }), 'secure')
    const stranger = foreign.pem(foreign.make('node', 'n2'))
    assert.notEqual(await handshake(peerPort, { ...stranger, ca }), 'secure')
    await logged(cluster.node(0), /it showed no certificate/)
    await logged(cluster.node(0), /not signed by the authority/)
  })

  test('an expired certificate is refused at the peer port', async () => {
    authority.make('node', 'late')
    const pem = authority.pem(authority.expired('late'))
    assert.notEqual(await handshake(cluster.node(0).options.peerPort, pem), 'secure')
    await logged(cluster.node(0), /its certificate has expired/)
  })
})

describe('a node that may not join', () => {
  /** Starts a further node, which dials the cluster, and waits until a member logs why it is refused. */
  async function refusedBy(name: string, flags: Record<string, string>, pattern: RegExp): Promise<void> {
    const stranger = await cluster.addProcess(name, TestCluster.members(cluster.nodes.slice(0, 3)))
    Object.assign(stranger.options.flags, flags)
    stranger.start()
    try {
      await until(`a line ${pattern}`, () =>
        [...cluster.nodes.slice(0, 3), stranger].some((node) => pattern.test(node.output)),
      )
    } finally {
      await stranger.kill()
      cluster.nodes.splice(cluster.nodes.indexOf(stranger), 1)
    }
  }

  test('R19: without the cluster secret, with a good certificate', async () => {
    const flags = { ...authority.flags(authority.make('node', 'x1')), 'cluster-secret': 'guess' }
    await refusedBy('x1', flags, /the cluster secret does not match/)
  })

  test('R19: with the secret, but a certificate of another member', async () => {
    // The hosts of this certificate are not this machine's.
    const files = authority.make('node', 'x2', ['somebody', '10.9.9.9'])
    await refusedBy('x2', authority.flags(files), /the certificate of x2 is not that of a node with its name/)
  })

  test('R19: with the secret, but the certificate of a client', async () => {
    await refusedBy(
      'x3',
      authority.flags(client),
      /the certificate of x3 is not that of a node|for another purpose/,
    )
  })

  test('R19: with the secret and a certificate, but of another cluster', async () => {
    const files = authority.make('node', 'x4')
    const options = {
      size: 1,
      flags: { 'cluster-secret': 's3cret', 'node-id': 'x4' },
      nodeFlags: [authority.flags(files)],
      tls: { ca: authority.ca },
    }
    await withCluster(options, async (other) => {
      const lone = other.node(0)
      const { host, peerPort } = lone.options
      const connection = await cluster.node(0).connect()
      try {
        const added = connection.send(['KVORUM', 'NODE', 'ADD', 'x4', `${host}:${peerPort}`])
        added.catch(() => {})
        await until('the other cluster to be refused', () =>
          [lone, ...cluster.nodes].some((node) => /other cluster: /.test(node.output)),
        )
      } finally {
        connection.close()
      }
    })
  })
})

describe('hostile clients', () => {
  async function serves(): Promise<void> {
    assert.equal(replyText(await cluster.node(0).command('SET', 'still', 'here')), 'OK')
  }

  test('1 000 handshakes that are never finished keep nobody out and end by themselves', async () => {
    const hello = await clientHello()
    const sockets: Socket[] = []
    let closed = 0
    for (const door of ['redisPort', 'httpPort', 'peerPort'] as const) {
      for (let i = 0; i < 334; i++) {
        const socket = connectTcp({ host: '127.0.0.1', port: cluster.node(0).options[door] })
        socket.on('error', () => {})
        socket.on('close', () => closed++)
        socket.resume()
        // A third says nothing, a third stops in the middle, a third does not go on behind its hello.
        if (i % 3 === 1) socket.write(hello.subarray(0, 40))
        if (i % 3 === 2) socket.write(hello)
        sockets.push(socket)
      }
    }
    await serves()
    await until('the node to be ready', async () =>
      (await fetchSecure(cluster.node(0), '/readyz')).startsWith('200'),
    )
    await until('the peers to hear each other', async () => {
      const views = await Promise.all(cluster.nodes.map((node) => node.status()))
      return views.every((view) => view.quorum)
    })
    await until('all half-open handshakes to be closed', () => closed === sockets.length)
  })

  test('garbage behind the handshake ends that connection only', async () => {
    const { redisPort, peerPort } = cluster.node(0).options
    const own = authority.pem(client)
    for (const [port, bytes] of [
      [redisPort, '*1\r\n$-7\r\n'],
      [peerPort, Buffer.alloc(20_000, 0xff)],
    ] as const) {
      const socket = await secured(port, own)
      socket.on('error', () => {})
      const isClosed = new Promise((resolve) => socket.once('close', resolve))
      socket.resume()
      socket.write(bytes)
      await isClosed
    }
    // Garbage in the place of TLS records.
    await plain(redisPort, Buffer.concat([await clientHello(), Buffer.alloc(5_000, 0x41)]))
    await serves()
  })

  /** The first bytes of a real client. */
  function clientHello(): Promise<Buffer> {
    return new Promise((resolve) => {
      const server = createServer((socket) => {
        socket.once('data', (bytes) => {
          socket.destroy()
          server.close()
          resolve(bytes)
        })
      })
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo
        connectTls({ host: '127.0.0.1', port }).on('error', () => {})
      })
    })
  }
})

describe('the loss of a leader', () => {
  test('a node that is killed is noticed at once over TLS, too', async () => {
    let wasNoticed = false
    // A node that stands still at that moment hears of nothing before the time for an election is there, too.
    for (let round = 0; round < 5 && !wasNoticed; round++) {
      const leader = await cluster.leader()
      const said = cluster.nodes.map((node) => node.output.length)
      await leader.kill()
      const next = await cluster.leader(cluster.others(leader), leader)
      const news = next.output.slice(said[cluster.nodes.indexOf(next)])
      wasNoticed = news.includes(`the leader ${leader.name} counts as lost: its connection broke`)
      await next.command('SET', 'after', 'loss')
      await leader.restart()
    }
    assert.ok(wasNoticed, 'every time it was found by its silence')
  })
})
