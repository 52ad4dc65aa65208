/** scripts/cluster.sh in its local form: every verb, on ports and in a folder of the test's own. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../free-ports.ts'
import { type ProgramResult, runWithInput } from '../processes/programs.ts'
import { DEPLOY_FOLDER } from './prometheus.ts'

const SCRIPT = join(DEPLOY_FOLDER, '..', 'scripts', 'cluster.sh')

describe('scripts/cluster.sh --local', () => {
  let folder = ''
  let settings: string[] = []

  function script(args: readonly string[], input = ''): Promise<ProgramResult> {
    return runWithInput('env', [...settings, 'bash', SCRIPT, ...args], input)
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kvorum-script-'))
    const port = await freePorts(9)
    settings = [
      // Nodes that stand still, as on a busy machine any process may, are no reason to refuse commands.
      'KVORUM_SILENCE_MS=15000',
      'KVORUM_HOLD_MS=30000',
      `CLUSTER_DATA=${join(folder, 'data')}`,
      `CLUSTER_REDIS_PORT=${port}`,
      `CLUSTER_HTTP_PORT=${port + 3}`,
      `CLUSTER_PEER_PORT=${port + 6}`,
    ]
  })

  after(async () => {
    await script(['--yes', 'clean'])
    await rm(folder, { recursive: true, force: true })
  })

  test('starts a cluster, tests it, and says how it is', async () => {
    const started = await script(['start'])
    assert.equal(started.status, 0, started.output)
    assert.match(started.output, /Cluster is ready\./)
    const tested = await script(['test'])
    assert.equal(tested.status, 0, tested.output)
    assert.match(
      tested.output,
      /✓ node 2 is back and has caught up\n[\s\S]*✓ node 3 is back and has what it missed\n/,
    )
    assert.match(tested.output, /All 8 checks passed\./)
    const { output } = await script(['status'])
    assert.equal(output.match(/● Healthy/g)?.length, 3)
    assert.equal(output.match(/\(leader\)/g)?.length, 1)
    assert.match((await script(['logs', '1'])).output, /"node":"node1"/)
  })

  test('asks before it removes data, and keeps it when stopped', async () => {
    const refused = await script(['clean'], 'n\n')
    assert.deepEqual([refused.status, refused.output], [1, 'cluster.sh: nothing was removed\n'])
    assert.equal((await script(['stop'])).status, 0)
    assert.match((await script(['status'])).output, /Node 1 \(port \d+\): ✗ Not running\n/)
    assert.ok(existsSync(join(folder, 'data', 'node1')))
    const agreed = await script(['clean'], 'y\n')
    assert.equal(agreed.status, 0, agreed.output)
    assert.ok(!existsSync(join(folder, 'data', 'node1')))
  })

  test('says what it wanted when it is misused', async () => {
    for (const args of [
      ['nonsense'],
      ['shell'],
      ['shell', '9'],
      ['--what'],
      ['stop', '2'],
      ['logs', '1', '2'],
    ]) {
      const { status, output } = await script(args)
      assert.equal(status, 2, args.join(' '))
      assert.match(output, /^cluster\.sh: .*\n\nUsage: scripts\/cluster\.sh/)
    }
  })
})
