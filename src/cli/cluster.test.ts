/** `kvorum cluster` and the data verbs against stand-in nodes (testing/fake-node.ts): what is printed, what remains. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../testing/free-ports.ts'
import { until } from '../testing/processes/wait.ts'
import { loadLayout } from './cluster/layout.ts'
import { findProcess, stopNodes } from './cluster/processes.ts'
import { projectRoot } from './project-root.ts'
import { type CliResult, runCli, startCli } from './testing/run-cli.ts'

const program = fileURLToPath(new URL('./testing/fake-node.js', import.meta.url))

/** A folder with ports of its own; `run` appends both to a cluster verb. */
class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'kvorum-cli-'))
  readonly data = join(this.folder, 'kvorum-data', 'cluster')
  readonly env = { KVORUM_NODE_PROGRAM: program, HOME: this.folder }
  ports: readonly string[] = []
  port = 0

  async open(): Promise<void> {
    this.port = await freePorts(9)
    const [redis, http, peer] = [this.port, this.port + 3, this.port + 6]
    this.ports = ['--redis-port', `${redis}`, '--http-port', `${http}`, '--peer-port', `${peer}`]
  }

  run(...args: string[]): Promise<CliResult> {
    return runCli(args, { cwd: this.folder, env: this.env })
  }

  start(...more: string[]): Promise<CliResult> {
    return this.run('cluster', 'start', ...this.ports, ...more)
  }

  async close(): Promise<void> {
    const layout = loadLayout(this.data)
    if (layout !== null) await stopNodes(layout, layout.nodes)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

describe('kvorum cluster', () => {
  const place = new Place()
  before(() => place.open())
  after(() => place.close())

  test('status of a cluster that was never started says how to start one', async () => {
    const result = await place.run('cluster', 'status')
    assert.equal(result.status, 1)
    assert.match(result.stderr, /There is no cluster in .*\n {2}try: kvorum cluster start/)
  })

  test('a port in use is reported with its holder and a way out, before anything is started', async () => {
    const server = createServer().listen(place.port + 1, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const result = await place.start()
    server.close()
    assert.equal(result.status, 1)
    assert.equal(result.stdout, '')
    const holder = process.platform === 'linux' ? `process ${process.pid}: ` : 'another process'
    assert.ok(result.stderr.includes(`Port ${place.port + 1} (node2) is in use by ${holder}`), result.stderr)
    assert.match(result.stderr, /kvorum cluster start --redis-port 16379/)
    assert.equal(existsSync(join(place.data, 'node1.pid')), false)
  })

  test('the first start makes node1 the leader before it prints anything', async () => {
    const result = await place.start()
    // On a slow machine it says what it waits for, and nothing else.
    assert.match(result.stderr, /^(waiting for .*\n)?$/)
    assert.deepEqual(result.stdout.split('\n'), [
      `Starting node1 on port ${place.port} (PRIMARY)...`,
      `Starting node2 on port ${place.port + 1} (SECONDARY)...`,
      `Starting node3 on port ${place.port + 2} (SECONDARY)...`,
      'Cluster started successfully!',
      '',
    ])
    assert.equal(result.status, 0)
  })

  test('a second start changes nothing and says so', async () => {
    const result = await place.start()
    assert.match(result.stdout, /node1 is already running on port \d+ \(PRIMARY\)/)
    assert.match(result.stdout, /Cluster is already running\./)
  })

  test('what running nodes were started with cannot be changed, and is named', async () => {
    const compat = await place.start('--compat', 's1', '--tls')
    assert.equal(compat.status, 2)
    assert.match(
      compat.stderr,
      /Cannot change --tls and --compat while nodes run\n {2}try: kvorum cluster stop/,
    )
    const ports = await place.run('cluster', 'start', '--redis-port', '1')
    assert.match(ports.stderr, /Cannot change ports while nodes run/)
  })

  /** `cluster status` is of a moment: a node that stands still for long is not there. Waits for the lines wanted. */
  function statusShows(...lines: string[]): Promise<unknown> {
    return until(lines.join(', '), async () => {
      const { status, stdout } = await place.run('cluster', 'status')
      assert.equal(status, 0, stdout)
      for (const line of lines) assert.ok(stdout.includes(`${line}\n`), stdout)
      return true
    })
  }

  test('status prints one line per node with live roles', async () => {
    await statusShows(
      `✓ node1 (PRIMARY  ) - Port ${place.port}: RUNNING`,
      `✓ node2 (SECONDARY) - Port ${place.port + 1}: RUNNING`,
    )
  })

  test('data verbs: values raw, exit statuses by outcome', async () => {
    assert.deepEqual(await place.run('get', 'key'), { status: 0, stdout: 'value\n', stderr: '' })
    assert.deepEqual(await place.run('-n', 'node2', 'get', '--raw', 'key'), {
      status: 0,
      stdout: 'value',
      stderr: '',
    })
    assert.equal((await place.run('get', 'missing')).status, 3)
    assert.equal((await place.run('set', 'key', 'v', '--nx')).status, 4)
    assert.equal((await place.run('set', 'key', 'v')).stdout, 'OK\n')
    assert.equal((await place.run('del', 'a', 'b')).stdout, '2\n')
    assert.equal((await place.run('-u', 'redis://127.0.0.1:1', 'get', 'key')).status, 6)
    assert.equal((await place.run('-n', 'node9', 'get', 'key')).status, 2)
    assert.equal((await place.run('get')).status, 2)
    const never = await place.run('set', 'key', 'v', '--ttl', '0')
    assert.equal(never.status, 2)
    assert.match(never.stderr, /'--ttl <SECONDS>' argument '0' is invalid. Wanted a whole number from 1 /)
    const nowhere = await place.run('health', '--http-url', 'garbage')
    assert.equal(nowhere.status, 2)
    assert.match(nowhere.stderr, /Cannot use 'garbage' for --http-url: wanted http/)
  })

  test('shell on a pipe prints bare replies and fails when one was an error', async () => {
    const options = { cwd: place.folder, env: place.env }
    const good = await runCli(['shell'], { ...options, input: 'GET key\nDEL "a b" c\nquit\nGET never\n' })
    assert.deepEqual(good, { status: 0, stdout: 'value\n2\n', stderr: '' })
    assert.equal((await runCli(['shell'], { ...options, input: 'REFUSE\n' })).status, 1)
  })

  test('node and leader verbs go through KVORUM', async () => {
    assert.equal((await place.run('node', 'add', 'n4', '10.0.0.4:9090')).stdout, 'OK\n')
    assert.equal((await place.run('node', 'add', 'n4', 'nonsense')).status, 2)
    assert.match((await place.run('node', 'list')).stdout, /^NODE +ROLE +STATE/)
    assert.equal((await place.run('leader', 'transfer', 'node2')).stdout, 'OK\n')
    assert.match((await place.run('status')).stdout, /leader +node2, term 1/)
  })

  test('kill, then start brings back what is down, with live roles', async () => {
    assert.match((await place.run('cluster', 'kill', '2')).stdout, /Killed node2 \(process \d+\)/)
    await statusShows(`✗ node2 (SECONDARY) - Port ${place.port + 1}: DOWN`)
    const result = await place.start()
    assert.match(result.stdout, /node1 is already running on port \d+ \(PRIMARY|SECONDARY\)/)
    assert.match(result.stdout, /Starting node2 on port \d+ \((PRIMARY|SECONDARY)\)\.\.\./)
  })

  test('without a majority status exits with 7', async () => {
    await place.run('cluster', 'kill', '1')
    await place.run('cluster', 'kill', 'node2')
    assert.equal((await place.run('cluster', 'status')).status, 7)
    assert.equal((await place.start()).status, 0)
  })

  test('logs shows the lines of all nodes', async () => {
    const all = await place.run('cluster', 'logs')
    assert.ok(['node1', 'node2', 'node3'].every((name) => all.stdout.includes(`"node":"${name}"`)))
    assert.ok(!(await place.run('cluster', 'logs', '3')).stdout.includes('"node":"node1"'))
  })

  test('clean refuses while nodes run; after stop it removes everything', async () => {
    assert.equal((await place.run('cluster', 'clean', '--yes')).status, 1)
    assert.match((await place.run('cluster', 'stop')).stdout, /Cluster stopped \(node1, node2, node3\)/)
    assert.equal((await place.run('cluster', 'clean')).status, 2)
    assert.equal((await place.run('cluster', 'clean', '--yes')).status, 0)
    assert.equal(existsSync(join(place.data, 'node1')), false)
  })
})

describe('kvorum cluster, when things go wrong', () => {
  test('a node that ends while starting is reported with its log, and the others stay', async () => {
    const place = new Place()
    await place.open()
    try {
      const env = { ...place.env, FAKE_NODE_FAILS: 'node3' }
      const result = await runCli(['cluster', 'start', ...place.ports], { cwd: place.folder, env })
      assert.equal(result.status, 1)
      assert.match(result.stderr, /node3 ended while starting \(exit status 1\):\n.*cannot open the log/)
      const again = await place.start()
      assert.match(
        again.stdout,
        /Starting node3 on port \d+ \(SECONDARY\)\.\.\.\nCluster started successfully!/,
      )
      assert.match(again.stdout, /node1 is already running on port \d+ \(PRIMARY\)/)
    } finally {
      await place.close()
    }
  })

  test('in the foreground Ctrl-C stops the nodes', async () => {
    const place = new Place()
    await place.open()
    try {
      const child = startCli(['cluster', 'start', '--foreground', ...place.ports], {
        cwd: place.folder,
        env: place.env,
      })
      let output = ''
      const started = new Promise<void>((resolve) => {
        child.stdout?.on('data', (text) => {
          output += text
          if (output.includes('Ctrl-C')) resolve()
        })
      })
      await started
      child.kill('SIGINT')
      const status = await new Promise((resolve) => child.on('close', resolve))
      assert.equal(status, 0)
      assert.match(output, /Cluster stopped\. Its data is kept\./)
      const layout = loadLayout(place.data)
      assert.ok(layout?.nodes.every((node) => findProcess(layout, node) === null))
    } finally {
      await place.close()
    }
  })

  test('in the foreground beside nodes that run already, it ends at once and leaves them', async () => {
    const place = new Place()
    await place.open()
    try {
      await place.start()
      const options = { cwd: place.folder, env: place.env }
      const second = await runCli(['cluster', 'start', '--foreground', ...place.ports], options)
      assert.equal(second.status, 0)
      assert.match(second.stdout, /Cluster is already running\.\n[\s\S]*Stop: +kvorum cluster stop/)
      const layout = loadLayout(place.data)
      assert.ok(layout?.nodes.every((node) => findProcess(layout, node) !== null))
    } finally {
      await place.close()
    }
  })

  test('npm start stops the nodes when npm is ended, whose shell passes no signal on', async () => {
    const place = new Place()
    await place.open()
    try {
      const script = join(projectRoot(), 'scripts', 'start.mjs')
      // With a second command, so that the shell stays, as npm's does.
      const line = `"${process.execPath}" "${script}" ${place.ports.join(' ')}; exit $?`
      const shell = spawn('sh', ['-c', line], {
        cwd: place.folder,
        env: { ...process.env, ...place.env },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      shell.stdout.on('data', (text) => {
        output += text
        if (output.includes('Ctrl-C')) shell.kill('SIGTERM')
      })
      await once(shell, 'close')
      assert.match(output, /Cluster stopped\. Its data is kept\./)
      const layout = loadLayout(place.data)
      assert.ok(layout?.nodes.every((node) => findProcess(layout, node) === null))
    } finally {
      await place.close()
    }
  })
})
