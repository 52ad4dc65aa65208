/** redis-cli and redis-benchmark in all their modes, against a real node. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { withCluster } from '../processes/cluster.ts'
import { hasRedisTools } from './basics.ts'
import { type CliOptions, type CliRun, runTool } from './redis-cli.ts'

type Cli = (args: readonly string[], options?: CliOptions) => Promise<CliRun>

const PASSWORD = 'sesame'

test('redis-cli works in all its modes, redis-benchmark runs without an error', async (t) => {
  if (!hasRedisTools() && process.env.CI === undefined) return t.skip('redis-tools is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-cli-'))
  try {
    await withCluster({ size: 1, flags: { password: PASSWORD } }, async ({ nodes: [node] }) => {
      const port = String(node?.options.redisPort)
      const cli: Cli = (args, options) =>
        runTool('redis-cli', ['-p', port, '-a', PASSWORD, '--no-auth-warning', ...args], options)
      await t.test('one-shot forms', () => oneShots(cli, port))
      await t.test('input from outside', () => inputs(cli))
      await t.test('looking through the keys', () => surveys(cli))
      await t.test('modes without an end', () => endless(cli))
      await t.test('interactive: hints come from COMMAND DOCS', () => interactive(port))
      await t.test('what cannot be is refused with a reason', () => refused(cli, folder, port))
      await t.test('redis-benchmark', () => benchmark(port))
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return undefined
})

async function oneShots(cli: Cli, port: string): Promise<void> {
  const text = async (...args: string[]): Promise<string> => (await cli(args)).text
  assert.equal(await text('set', 'k', 'v'), 'OK\n')
  assert.equal(await text('--csv', 'mget', 'k', 'nothing'), '"v",NULL\n')
  assert.equal(await text('--json', 'mget', 'k', 'nothing'), '["v",null]\n')
  assert.equal(await text('-3', '--json', 'config', 'get', 'save'), '{"save":""}\n')
  assert.equal(await text('-n', '5', 'exists', 'k'), '0\n')
  assert.equal(await text('-r', '3', '-i', '0.05', 'incr', 'n'), '1\n2\n3\n')
  assert.equal(await text('--no-raw', 'incr', 'n'), '(integer) 4\n')
  assert.match(await text('-e', 'nosuch'), /^ERR unknown command/)
  assert.equal((await cli(['-e', 'nosuch'])).status, 1)
  const byUrl = await runTool('redis-cli', [
    '-u',
    `redis://default:${PASSWORD}@127.0.0.1:${port}/5`,
    'exists',
    'k',
  ])
  assert.match(byUrl.text, /^0\n/)
  const stranger = await runTool('redis-cli', ['-p', port, 'get', 'k'])
  assert.match(stranger.text, /^NOAUTH Authentication required/)
}

async function inputs(cli: Cli): Promise<void> {
  const bytes = Buffer.from([1, 2, 0, 13, 10, 255])
  assert.equal((await cli(['-x', 'set', 'x'], { input: bytes })).text, 'OK\n')
  assert.equal((await cli(['strlen', 'x'])).text, '6\n')
  assert.equal((await cli(['-X', 'tag', 'set', 'tagged', 'tag', 'EX', '100'], { input: 'in' })).text, 'OK\n')
  assert.equal((await cli(['get', 'tagged'])).text, 'in\n')
  assert.equal((await cli([], { input: 'set a 1\nincr a\nget a\n' })).text, 'OK\n2\n2\n')
  const lines = Array.from({ length: 2_000 }, (_, i) => `SET pipe:${i} ${'x'.repeat(1 + (i % 50))}\r\n`).join(
    '',
  )
  assert.match((await cli(['--pipe'], { input: lines })).text, /errors: 0, replies: 2000/)
}

async function surveys(cli: Cli): Promise<void> {
  const scan = await cli(['--scan', '--pattern', 'pipe:1*'])
  assert.equal(scan.text.trim().split('\n').length, 1_111)
  assert.match((await cli(['--bigkeys'])).text, /Sampled 20\d\d keys.*strings with/s)
  assert.match((await cli(['--memkeys'])).text, /Biggest string found .* has \d+ bytes/)
  assert.match((await cli(['--memkeys-samples', '2'])).text, /Sampled 20\d\d keys/)
}

async function endless(cli: Cli): Promise<void> {
  const stat = await cli(['--stat', '-i', '0.1'], { enough: /\n20\d\d .*\n20\d\d /s })
  assert.match(stat.text, /keys +mem +clients +blocked +requests +connections/)
  for (const args of [
    ['--latency', '--raw'],
    ['--latency-history', '-i', '1', '--raw'],
    ['--latency-dist', '-i', '1'],
  ]) {
    const { text } = await cli(args, { enough: /\d/ })
    assert.doesNotMatch(text, /error/i, args.join(' '))
  }
  let hasSeen = false
  const monitor = cli(['monitor'], { enough: /"get" "seen"/ }).finally(() => {
    hasSeen = true
  })
  while (!hasSeen) await cli(['get', 'seen'])
  assert.match((await monitor).text, /^OK\n\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] .*"get" "seen"/s)
}

/** `script` gives redis-cli a terminal, whose width it would ask for otherwise. */
async function interactive(port: string): Promise<void> {
  if (!existsSync('/usr/bin/script')) return
  const command = `stty cols 120; redis-cli -p ${port} -a ${PASSWORD} --no-auth-warning`
  const { text } = await runTool('/usr/bin/script', ['-qec', command, '/dev/null'], {
    input: 'set mykey ',
    prompt: /> /,
    enough: /GET\]/,
  })
  assert.match(text, /value.*\[NX\|XX\].*\[GET\]/s)
}

async function refused(cli: Cli, folder: string, port: string): Promise<void> {
  assert.match(
    (await cli(['--rdb', join(folder, 'dump.rdb')])).text,
    /SYNC is not used here: replication is Raft/,
  )
  assert.match((await cli(['--replica'])).text, /SYNC is not used here/)
  const cluster = ['--cluster', 'info', `127.0.0.1:${port}`, '-a', PASSWORD, '--no-auth-warning']
  assert.match((await runTool('redis-cli', cluster)).text, /not configured as a cluster node/)
  assert.doesNotMatch((await cli(['--hotkeys'])).text, /unknown command/)
}

async function benchmark(port: string): Promise<void> {
  const args = [
    '-p',
    port,
    '-a',
    PASSWORD,
    '-n',
    '1000',
    '-t',
    'ping_inline,ping_mbulk,set,get,incr,mset',
    '-q',
  ]
  const { text, status } = await runTool('redis-benchmark', args)
  assert.equal(status, 0)
  assert.doesNotMatch(text, /error|warning/i)
  for (const name of ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'INCR', 'MSET']) {
    assert.match(text, new RegExp(`${name}[^:]*: \\d+\\.\\d+ requests per second`))
  }
  const own = await runTool('redis-benchmark', [
    '-p',
    port,
    '-a',
    PASSWORD,
    '-n',
    '500',
    '-q',
    'getset',
    'b',
    'x',
  ])
  assert.match(own.text, /requests per second/)
}
