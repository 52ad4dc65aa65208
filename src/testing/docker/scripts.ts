/** The container cluster through the tools of its users: lines of text and HTTP on one port, and the two scripts. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { container, containers, up } from './compose.ts'
import { ROOT, run } from './engine.ts'
import type { Figures } from './scenarios.ts'

/** One published port takes the line protocol and HTTP alike. */
export async function textAndHttp(): Promise<Figures> {
  assert.equal(await lines(8081, 'SET greeting hello\nGET greeting\n'), 'OK\nhello\n')
  assert.equal(
    await lines(8082, 'GET greeting\nDEL greeting\nGET greeting\n'),
    'hello\nDELETED\nKey not found\n',
  )
  for (const node of containers) assert.equal((await node.http('/health')).status, 200)
  return {}
}

/** What `printf … | nc localhost port` prints. */
function lines(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('end', () => resolve(received))
    socket.on('error', reject)
    socket.end(text)
  })
}

/** kv-cli.sh, unchanged. */
export async function kvCli(): Promise<Figures> {
  const cli = (...args: string[]) => run('bash', [join(ROOT, 'kv-cli.sh'), ...args], { limitMs: 120_000 })
  assert.equal(await cli('-n', 'node2', 'set', 'key2', 'value2'), 'OK\n')
  assert.equal(await cli('-n', 'node3', 'get', 'key2'), 'value2\n')
  assert.equal(await cli('del', 'key2'), 'DELETED\n')
  assert.equal(await cli('get', 'key2'), 'Key not found\n')
  assert.equal(await cli('sync', 'node2'), 'SYNC requested from all peers\n')
  assert.match(await cli('stats', 'node3'), /^\{"processed_messages":\d+,"total_keys":\d+\}\n$/)
  const status = await cli('status')
  for (const node of containers)
    assert.match(status, new RegExp(`Node ${node.name} \\(port ${node.httpPort}\\): UP`))
  assert.equal((await cli('test')).match(/✓/g)?.length, 3)
  await cli('demo')
  await container(2).ready()
  return {}
}

/** scripts/cluster.sh in its Docker form: its own test, and the verbs that a user calls around it. */
export async function clusterScript(): Promise<Figures> {
  const path = join(ROOT, 'scripts', 'cluster.sh')
  const script = (...args: string[]) => run('bash', [path, '--docker', ...args])
  const told = (line: string, ...args: string[]) =>
    run('bash', ['-c', 'printf "%s\\n" "$0" | bash "$@"', line, path, '--docker', ...args])
  assert.equal((await script('status')).match(/● Healthy/g)?.length, 3)
  assert.match(await script('test'), /All 9 checks passed\.\n$/)
  assert.match(await script('logs', '1'), /simple-kv-node1/)
  assert.equal(await told('id -u', 'shell', '1'), '1000\n')
  await assert.rejects(told('n', 'clean'), /nothing was removed/)
  await assert.rejects(script('stop', '2'), /too many words: stop 2/)
  await script('restart')
  await script('stop')
  assert.equal((await script('status')).match(/✗ Not running/g)?.length, 3)
  const startedMs = await up()
  return { startedMs }
}
