/** Probes as orchestrators and balancers send them: statuses, lines, and what a caller may leave out. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HealthCheck } from '../../../cluster/execute.ts'
import { type DoorFixture, openFixture } from '../../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../../testing/doors/fake-executor.ts'

const OK: readonly HealthCheck[] = [
  { name: 'node', failure: null },
  { name: 'leader', failure: null },
  { name: 'quorum', failure: null },
]
const NO_LEADER: readonly HealthCheck[] = [
  { name: 'node', failure: null },
  { name: 'leader', failure: 'no leader is known' },
  { name: 'quorum', failure: null },
]

describe('health', () => {
  const executor = new FakeExecutor()
  let fixture: DoorFixture

  before(async () => {
    fixture = await openFixture({ password: 'secret' }, executor)
  })
  after(() => fixture.close())

  async function ask(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${fixture.doors.httpPort}${path}`)
    return `${response.status} ${await response.text()}`
  }

  test('/readyz is short when all is well, and tells all when asked', async () => {
    executor.overrides = { checks: OK }
    assert.equal(await ask('/readyz'), '200 ok\n')
    const lines = '[+]node ok\n[+]leader ok\n[+]quorum ok\n[+]disk ok\nreadyz check passed\n'
    assert.equal(await ask('/readyz?verbose'), `200 ${lines}`)
    assert.equal(await ask('/readyz?verbose=true'), `200 ${lines}`)
  })

  test('/readyz names the check that fails and why', async () => {
    executor.overrides = { checks: NO_LEADER, ready: false }
    assert.equal(
      await ask('/readyz'),
      '503 [+]node ok\n[-]leader failed: no leader is known\n[+]quorum ok\n[+]disk ok\nreadyz check failed\n',
    )
  })

  test('/readyz leaves out the checks that the caller excludes, and says which of them it does not know', async () => {
    executor.overrides = { checks: NO_LEADER, ready: false }
    assert.equal(await ask('/readyz?exclude=leader'), '200 ok\n')
    assert.equal(
      await ask('/readyz?exclude=leader&exclude=nonsense&verbose'),
      '200 [+]node ok\n[+]leader excluded: ok\n[+]quorum ok\n[+]disk ok\n' +
        '[!]no check is named "nonsense"\nreadyz check passed\n',
    )
    assert.match(await ask('/readyz?exclude=quorum'), /^503 /)
  })

  test('R6: short space is a warning: reads and deletions go on', async () => {
    executor.overrides = { checks: OK, space: 'low' }
    assert.equal(await ask('/readyz'), '200 ok\n')
    assert.match(
      await ask('/readyz?verbose'),
      /\n\[!\]disk low: writes that grow data are refused\nreadyz check passed/,
    )
  })

  test('/readyz/leader is for the leader alone, and tells others who leads', async () => {
    executor.overrides = { checks: OK }
    assert.equal(await ask('/readyz/leader'), '200 leader\n')
    executor.overrides = { checks: OK, role: 'follower', leader: 'node2', leaderHttpAddress: 'node2:8080' }
    assert.equal(await ask('/readyz/leader'), '503 not the leader: node2 leads, at node2:8080\n')
    executor.overrides = { checks: NO_LEADER, role: 'follower', leader: '' }
    assert.equal(await ask('/readyz/leader'), '503 not the leader: no leader is known\n')
    executor.overrides = { checks: [{ name: 'term', failure: 'it has not committed yet' }], ready: false }
    assert.match(await ask('/readyz/leader'), /^503 .*\n\[-\]term failed: it has not committed yet\n/s)
  })

  test('/livez does not depend on others, and /version says what runs', async () => {
    executor.overrides = { checks: NO_LEADER, ready: false, leader: '', quorum: false }
    assert.equal(await ask('/livez'), '200 ok\n')
    assert.equal(await ask('/livez?verbose'), '200 [+]ping ok\nlivez check passed\n')
    assert.match(await ask('/version'), /^200 \{"name":"kvorum","version":"0\.0\.0-test",/)
  })
})
