/** `kvorum demo` with real nodes: on a cluster of its own, and on one that `cluster start --compat s1` made. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../testing/free-ports.ts'
import { runCli } from './testing/run-cli.ts'

const program = fileURLToPath(new URL('../testing/processes/node-main.js', import.meta.url))

describe('kvorum demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-demo-test-'))
  // Nodes that stand still, as on a busy machine any process may, are no reason to refuse what a scene does.
  const env = {
    KVORUM_NODE_PROGRAM: program,
    KVORUM_SILENCE_MS: '15000',
    KVORUM_HOLD_MS: '30000',
    HOME: folder,
  }
  const run = (args: readonly string[], input = '') => runCli(args, { cwd: folder, env, input })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('starts a temporary cluster when none runs, and removes it', async () => {
    const { status, stdout, stderr } = await run(['demo', 'types', '--port', String(await freePorts(1))])
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /No cluster is running: starting a temporary one/)
    assert.match(stdout, /✓ digits -> \{"status":"OK","value":"42"\}/)
    assert.match(stdout, /The temporary cluster and its data are removed/)
  })

  test('shows every scene, and takes commands, on a cluster for the clients of the first system', async () => {
    const port = await freePorts(9)
    const ports = ['--redis-port', `${port}`, '--http-port', `${port + 3}`, '--peer-port', `${port + 6}`]
    const started = await run(['cluster', 'start', '--compat', 's1', ...ports])
    assert.equal(started.status, 0, started.stdout + started.stderr)
    assert.match(started.stdout, new RegExp(`Starting node1 on port ${port} \\(PRIMARY\\)`))
    try {
      const all = await run(['demo', '--port', `${port + 1}`])
      assert.equal(all.status, 0, all.stdout + all.stderr)
      for (const scene of ['basic', 'replication', 'types', 'restrictions', 'concurrent']) {
        assert.match(all.stdout, new RegExp(`=== ${scene} ===`))
      }
      assert.ok(!all.stdout.includes('✗'))
      const typed = await run(
        ['demo', 'interactive', '--port', `${port}`],
        'set k [1,2]\nget k\nget\nfly\nquit\n',
      )
      assert.equal(typed.status, 0, typed.stdout + typed.stderr)
      assert.match(typed.stdout, /\{"status":"OK","value":\[1,2\]\}/)
      assert.match(typed.stdout, /Usage: get KEY/)
      assert.match(typed.stdout, /Unknown command: fly/)
    } finally {
      await run(['cluster', 'stop'])
    }
  })

  test('says what to do when something else listens there', async () => {
    const port = await freePorts(9)
    const ports = ['--redis-port', `${port}`, '--http-port', `${port + 3}`, '--peer-port', `${port + 6}`]
    await run(['cluster', 'start', '--nodes', '1', '--data', 'one', ...ports])
    const { status, stderr } = await run(['demo', '--port', `${port}`])
    await run(['cluster', 'stop', '--data', 'one'])
    assert.equal(status, 1)
    assert.match(stderr, /does not answer in JSON.*[\s\S]*cluster start --compat s1/)
  })
})
