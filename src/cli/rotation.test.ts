/** R19 with real processes: secrets and certificates change while everything runs. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { replyText } from '../client/reply.ts'
import { NO_REFUSALS, type TestCluster, withCluster } from '../testing/processes/cluster.ts'
import type { NodeProcess } from '../testing/processes/node-process.ts'
import { until } from '../testing/processes/wait.ts'
import { revoke } from './cert/revoke.ts'
import { TestAuthority } from './testing/certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'kvorum-rotation-'))
const authority = new TestAuthority()
const names = ['n1', 'n2', 'n3']
const OLD = { password: 'old password', secret: 'old secret' }
const NEW = { password: 'new password', secret: 'new secret' }

after(() => {
  rmSync(folder, { recursive: true, force: true })
  authority.remove()
})

/** Writes the configuration file of a node and gives its path. */
function configure(name: string, settings: Record<string, string>): string {
  const path = join(folder, `${name}.toml`)
  const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value}'\n`)
  writeFileSync(path, lines.join(''))
  return path
}

function secrets(now: typeof OLD, before?: typeof OLD): Record<string, string> {
  const present = { password: now.password, cluster_secret: now.secret }
  if (before === undefined) return present
  return { ...present, previous_password: before.password, previous_cluster_secret: before.secret }
}

function tlsSettings(name: string): Record<string, string> {
  const at = (file: string): string => join(authority.folder, file)
  return { tls_cert: at(`${name}.crt`), tls_key: at(`${name}.key`), tls_ca: at('ca.crt') }
}

/** SIGHUP, and waits until the node has said what came of it. */
async function reload(node: NodeProcess): Promise<string> {
  const from = node.output.length
  node.signal('SIGHUP')
  return await until(
    `${node.name} to reload`,
    () => /"message":"Reload: [^"]+"/.exec(node.output.slice(from))?.[0] ?? null,
  )
}

/** Connects, counts a few times, parts, and begins anew, at one node after the other, until it is stopped. */
class Worker {
  readonly #nodes: readonly NodeProcess[]
  readonly #password: () => string
  readonly #key: string
  readonly errors: string[] = []
  counted = 0
  rounds = 0
  isStopped = false
  readonly done: Promise<void>

  constructor(nodes: readonly NodeProcess[], key: string, password: () => string) {
    this.#nodes = nodes
    this.#key = key
    this.#password = password
    this.done = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.isStopped) {
      const node = this.#nodes[this.rounds++ % this.#nodes.length] as NodeProcess
      try {
        const connection = await node.connect(this.#password())
        for (let i = 0; i < 10; i++) {
          await connection.command('INCR', this.#key)
          this.counted++
        }
        connection.close()
      } catch (error) {
        this.errors.push(`${node.name}: ${(error as Error).message}`)
      }
    }
  }
}

async function rotate(cluster: TestCluster): Promise<void> {
  const [n1, n2, n3] = [cluster.node(0), cluster.node(1), cluster.node(2)]
  const standing = await n1.connect(OLD.password)
  let password = OLD.password
  const workers = [1, 2, 3].map((i) => new Worker([n1, n2], `rotated:${i}`, () => password))
  const change = async (node: NodeProcess, settings: Record<string, string>): Promise<void> => {
    configure(node.name, { ...settings, ...tlsSettings(node.name) })
    assert.match(await reload(node), /Reload: changed/)
  }
  await change(n3, secrets(NEW, OLD))
  // It knows the new secret, the others do not: they must still let it in.
  await n3.kill()
  await n3.restart()
  for (const node of [n1, n2]) await change(node, secrets(NEW, OLD))
  password = NEW.password
  const rounds = workers.map((worker) => worker.rounds)
  await until('every client to use the new password', () =>
    workers.every((worker, i) => worker.rounds > (rounds[i] ?? 0) + 2),
  )
  for (const node of cluster.nodes) await change(node, secrets(NEW))
  // And between nodes that know nothing but the new one.
  await n3.kill()
  await n3.restart()
  for (const worker of workers) worker.isStopped = true
  await Promise.all(workers.map((worker) => worker.done))
  assert.deepEqual(
    workers.flatMap((worker) => worker.errors),
    [],
  )
  for (const [i, worker] of workers.entries()) {
    assert.ok(worker.counted > 0)
    assert.equal(Number(replyText(await standing.command('GET', `rotated:${i + 1}`))), worker.counted)
  }
  standing.close()
}

describe('SIGHUP', () => {
  const options = {
    nodeFlags: names.map((name) => {
      authority.make('node', name)
      return { config: configure(name, { ...secrets(OLD), ...tlsSettings(name) }) }
    }),
    tls: { ca: authority.ca },
    flags: NO_REFUSALS,
  }

  test('R19: password and cluster secret rotate over three nodes under load without one error', async () => {
    await withCluster(options, async (cluster) => {
      await rotate(cluster)
      await assert.rejects(cluster.node(0).connect(OLD.password), /WRONGPASS/)
      for (const node of cluster.nodes) {
        assert.doesNotMatch(node.output, /old password|new password|old secret|new secret/)
      }
      await certificates(cluster.node(0))
      await settings(cluster.node(1))
    })
  })
})

/** SHA-256 of the certificate that a node shows now. */
function shown(node: NodeProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const { redisPort: port } = node.options
    const socket = connectTls({ host: '127.0.0.1', port, ca: authority.ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

/** A new certificate is shown to those who come; those who are here stay; a bad one changes nothing. */
async function certificates(node: NodeProcess): Promise<void> {
  const standing = await node.connect(NEW.password)
  const before = await shown(node)
  authority.replace(node.name)
  assert.match(await reload(node), /Reload: changed/)
  const renewed = await shown(node)
  assert.notEqual(renewed, before)
  assert.equal(replyText(await standing.command('PING')), 'PONG')

  const { cert, key } = authority.replace(node.name)
  const goodKey = readFileSync(key)
  for (const bad of [Buffer.from('no key'), readFileSync(join(authority.folder, 'ca.key'))]) {
    writeFileSync(key, bad)
    assert.match(await reload(node), /Reload: nothing was changed/)
    assert.equal(await shown(node), renewed)
  }
  assert.match(node.output, /does not belong to the certificate/)
  writeFileSync(key, goodKey)
  assert.match(await reload(node), /Reload: changed/)
  assert.notEqual(await shown(node), renewed)
  authority.expired(node.name)
  assert.match(await reload(node), /Reload: nothing was changed/)
  assert.match(node.output, /expired on/)
  assert.equal(replyText(await standing.command('PING')), 'PONG')
  standing.close()
  assert.ok(existsSync(cert))
}

/** What cannot change is named, what is wrong changes nothing, and nothing new is said to be so. */
async function settings(node: NodeProcess): Promise<void> {
  const present = { ...secrets(NEW), ...tlsSettings(node.name) }
  assert.match(await reload(node), /Reload: nothing has changed/)
  configure(node.name, { ...present, max_clients: '77', log_level: 'debug' })
  assert.match(await reload(node), /change only with a restart/)
  await until('the log line', () => node.output.includes('"settings":["--max-clients"]'))
  await until('the log line', () => node.output.includes('"changed":["--log-level"]'))
  configure(node.name, { ...present, password: 'x', log_level: 'loud' })
  assert.match(await reload(node), /Reload: nothing was changed/)
  const connection = await node.connect(NEW.password)
  connection.close()
}

describe('a password', () => {
  test('is not seen in the list of processes once the node runs, and guessing it is slow', async () => {
    await withCluster({ size: 1, flags: { password: 'hunter2' } }, async (cluster) => {
      const node = cluster.node(0)
      assert.match(node.output, /--password on the command line can be seen/)
      if (process.platform === 'linux') {
        assert.doesNotMatch(readFileSync(`/proc/${node.pid}/cmdline`, 'latin1'), /hunter2/)
      }
      await guess(node)
      assert.doesNotMatch(node.output, /hunter2/)
    })
  })

  /**
   * Many wrong ones at once: most are not looked at, on either port; another address is not concerned. What an address
   * may try grows with time, so a new one is taken until a round was not held up.
   */
  async function guess(node: NodeProcess): Promise<void> {
    let address = 1
    await until('an address to be shut out of both ports', async () => {
      const from = `127.0.1.${address++}`
      const replies = await login(node, from, ...Array.from({ length: 100 }, (_, i) => `guess${i}`))
      const looked = replies.filter((reply) => reply.startsWith('-WRONGPASS')).length
      assert.ok(looked >= 20, `${looked} of 100 were looked at`)
      const others = replies.filter((reply) => /^-ERR too many wrong passwords/.test(reply))
      assert.equal(looked + others.length, 100)
      return looked < 60 && (await statusOf(node, from)) === 429
    })
    assert.equal(await statusOf(node, '127.0.0.2'), 401)
    assert.deepEqual(await login(node, '127.0.0.2', 'hunter2'), ['+OK'])
  }

  /** Gives the passwords over one connection from that address; the replies. */
  function login(node: NodeProcess, localAddress: string, ...passwords: string[]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      let text = ''
      const socket = createConnection({ host: '127.0.0.1', port: node.options.redisPort, localAddress })
      socket.on('error', reject)
      socket.on('data', (bytes) => {
        text += String(bytes)
        const replies = text.split('\r\n').slice(0, -1)
        if (replies.length < passwords.length) return
        socket.destroy()
        resolve(replies)
      })
      socket.write(passwords.map((password) => `AUTH ${password}\r\n`).join(''))
    })
  }

  function statusOf(node: NodeProcess, localAddress: string): Promise<number> {
    const { httpPort: port } = node.options
    const headers = { authorization: 'Bearer wrong' }
    return new Promise((resolve, reject) => {
      const where = { host: '127.0.0.1', port, path: '/v1/cluster', headers, localAddress, agent: false }
      get(where, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      }).on('error', reject)
    })
  }
})

describe('--tls-crl', () => {
  test('SIGHUP takes a list up: revoked certificates are refused on every port, old sessions and all', async () => {
    const passphrase = 'correct horse'
    const files = authority.make('node', 'crl')
    const key = createPrivateKey(readFileSync(files.key))
    const form = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const
    writeFileSync(files.key, key.export(form))
    const lost = authority.pem(authority.make('client', 'lost', []))
    const kept = authority.pem(authority.make('client', 'kept', []))
    const stolen = authority.pem(authority.make('node', 'stolen'))
    const present = { ...tlsSettings('crl'), tls_key_passphrase: passphrase, tls_clients: 'required' }
    const flags = { config: configure('crl', present) }
    await withCluster({ size: 1, flags, tls: kept }, async ({ nodes: [node] }) => {
      assert.ok(node !== undefined)
      const { redisPort, httpPort, peerPort } = node.options
      const standing = await handshake(redisPort, lost)
      assert.match(await standing.ask('PING\r\n'), /^\+PONG/)
      const session = await standing.session

      configure('crl', { ...present, tls_crl: revoke(authority.folder, ['lost', 'stolen'], Date.now()) })
      assert.match(await reload(node), /Reload: changed/)
      for (const [port, options] of [
        [redisPort, lost],
        [redisPort, { ...lost, session }],
        [httpPort, lost],
        [httpPort, stolen],
      ] as const) {
        assert.match(await (await handshake(port, options)).rest, /wants a client certificate/)
      }
      assert.equal(await (await handshake(peerPort, stolen)).rest, '')
      await until('the log to say why', () => node.output.split('its certificate is revoked').length > 2)
      assert.match(await (await handshake(redisPort, kept)).ask('PING\r\n'), /^\+PONG/)
      assert.match(await standing.ask('PING\r\n'), /^\+PONG/, 'connections that stand are not touched')
      assert.doesNotMatch(node.output, new RegExp(passphrase))
    })
  })

  /** A TLS connection: asks and answers, the session to resume, all that came until its end. */
  async function handshake(port: number, options: ConnectionOptions) {
    const socket = connectTls({ host: '127.0.0.1', port, ...options })
    let text = ''
    socket.on('data', (bytes) => {
      text += String(bytes)
    })
    socket.on('error', () => {})
    const rest = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
    const session = new Promise<Buffer>((resolve) => socket.once('session', resolve))
    await Promise.race([rest, new Promise((resolve) => socket.once('secureConnect', resolve))])
    const ask = async (line: string): Promise<string> => {
      const from = text.length
      socket.write(line)
      return until('an answer', () => text.slice(from) || null)
    }
    return { rest, session, ask }
  }
})

describe('--tls-clients required', () => {
  test('only a client with a certificate of the authority gets in; others are told why', async () => {
    const foreign = new TestAuthority()
    const node1 = authority.make('node', 'lone')
    const own = authority.pem(authority.make('client', 'app', []))
    const strange = foreign.pem(foreign.make('client', 'app', []))
    authority.make('client', 'late', [])
    const late = authority.pem(authority.expired('late'))
    const flags = { ...authority.flags(node1), 'tls-clients': 'required' }
    await withCluster({ size: 1, flags, tls: own }, async (cluster) => {
      const node = cluster.node(0)
      assert.equal(replyText(await node.command('PING')), 'PONG')
      const { redisPort, httpPort } = node.options
      for (const port of [redisPort, httpPort]) {
        for (const options of [
          {},
          { cert: strange.cert, key: strange.key },
          { cert: late.cert, key: late.key },
        ]) {
          assert.match(await answer(port, options), /wants a client certificate/)
        }
      }
      for (const reason of [/it showed no certificate/, /not signed by the authority/, /has expired/]) {
        await until(`the log to say ${reason}`, () => reason.test(node.output))
      }
    })
    foreign.remove()
  })

  /** What a TLS client is told before the connection ends. */
  function answer(port: number, options: { cert?: Buffer; key?: Buffer }): Promise<string> {
    return new Promise((resolve) => {
      let text = ''
      const socket = connectTls({ host: '127.0.0.1', port, ca: authority.ca, ...options })
      socket.on('data', (bytes) => {
        text += String(bytes)
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(text))
    })
  }
})
