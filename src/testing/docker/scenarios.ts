/**
 * What the container cluster must survive, run against the real engine: each scenario begins and ends with three
 * healthy nodes (those that take the cluster down start it again) and gives the figures it saw.
 */
import assert from 'node:assert/strict'
import { until } from '../processes/wait.ts'
import { Writer } from '../processes/writer.ts'
import { type Container, compose, container, containers, leader, NETWORK, up, VOLUMES } from './compose.ts'
import { docker } from './engine.ts'

export type Figures = Readonly<Record<string, number | string>>

const VALUE_BYTES = 100
/** Acknowledged writes before a fault is made. */
const WARM = 500
const HEALTHY_LIMIT_MS = 30_000

/** From nothing to healthy; every node serves text, HTTP and Redis clients. */
export async function starts(): Promise<Figures> {
  await compose('down', '-v')
  const healthyMs = await up()
  assert.ok(
    healthyMs < HEALTHY_LIMIT_MS,
    `all three were healthy after ${healthyMs} ms, wanted less than 30 s`,
  )
  await container(1).command('SET', 'started', 'yes')
  for (const node of containers) assert.equal(await node.command('GET', 'started'), 'yes')
  return { healthyMs }
}

/** A node is stopped, the others go on, and it has what it missed when it is back. */
export async function nodeFailure(): Promise<Figures> {
  await compose('stop', 'kv-node2')
  assert.equal(
    await container(2).inspect('{{.State.ExitCode}}'),
    '0',
    'the node ended by itself when it was asked to',
  )
  await leader([container(1), container(3)])
  await container(1).command('SET', 'while-node2-is-away', 'v')
  assert.equal(await container(3).command('GET', 'while-node2-is-away'), 'v')
  await compose('start', 'kv-node2')
  await container(2).ready()
  assert.equal(await container(2).command('GET', 'while-node2-is-away'), 'v')
  return {}
}

/** A container cut off refuses writes and says why on its published port; the majority serves; both agree later. */
export async function partition(): Promise<Figures> {
  const old = await leader()
  const rest = containers.filter((node) => node !== old)
  await docker('network', 'disconnect', NETWORK, old.container)
  const cutAt = performance.now()
  const next = await leader(rest, old)
  const electedMs = Math.round(performance.now() - cutAt)
  await until('the cut off node knows', async () => (await old.http('/readyz')).status === 503)
  await next.command('SET', 'cut', 'majority')
  await assert.rejects(
    old.command('SET', 'cut', 'minority'),
    /CLUSTERDOWN|MASTERDOWN|NOREPLICAS|TRYAGAIN|majority/,
  )
  await docker('network', 'connect', NETWORK, old.container)
  const healedAt = performance.now()
  await old.ready()
  const rejoinedMs = Math.round(performance.now() - healedAt)
  for (const node of containers) assert.equal(await node.command('GET', 'cut'), 'majority')
  return { electedMs, rejoinedMs }
}

/** SIGKILL to the leader's process, as an out-of-memory killer sends it; Docker starts it again. */
export async function leaderKilled(): Promise<Figures> {
  let pid = 0
  const lose = async (old: Container): Promise<void> => {
    pid = Number(await old.inspect('{{.State.Pid}}'))
    process.kill(pid, 'SIGKILL')
  }
  // restart: unless-stopped.
  return leaderLost(lose, async (old) => {
    await until('the killed container runs again', async () => {
      const state = await old.inspect('{{.State.Running}} {{.State.Pid}}')
      return state.startsWith('true') && state !== `true ${pid}`
    })
  })
}

/** The leader stands still, its connections open, and goes on later: it must not believe that it still leads. */
export async function leaderPaused(): Promise<Figures> {
  // On a busy machine the kernel may fail to freeze a container at the first attempt, and lets it run.
  const lose = (old: Container): Promise<unknown> =>
    until('the leader to stand still', async () => (await docker('pause', old.container)) !== '')
  const bringBack = async (old: Container): Promise<void> => {
    await docker('unpause', old.container)
  }
  // A container that stands still cannot be removed.
  return leaderLost(lose, bringBack).finally(() => compose('unpause').catch(() => ''))
}

/** The leader is lost and comes back while two clients write through the others: no error, and no write is lost. */
async function leaderLost(
  lose: (old: Container) => Promise<unknown>,
  bringBack: (old: Container) => Promise<void>,
): Promise<Figures> {
  const old = await leader()
  const rest = containers.filter((node) => node !== old)
  const writers = rest.map((node) => newWriter(`lost-${old.name}-${node.name}`))
  for (const [index, node] of rest.entries()) writers[index]?.start(await node.connect())
  await goOn(writers)
  await lose(old)
  const lostAt = performance.now()
  await leader(rest, old)
  const electedMs = Math.round(performance.now() - lostAt)
  await goOn(writers)
  await bringBack(old)
  await old.ready()
  await Promise.all(writers.map((writer) => writer.stop()))
  await verify(writers)
  return { electedMs, acknowledged: writers.reduce((sum, writer) => sum + writer.acknowledged, 0) }
}

/** One that writes until it is stopped, keys that no other run has. */
export function newWriter(prefix: string): Writer {
  const run = Math.round(performance.timeOrigin + performance.now())
  return new Writer({ prefix: `${prefix}-${run}`, count: Infinity, valueBytes: VALUE_BYTES })
}

/** Every writer is acknowledged further writes. */
export async function goOn(writers: readonly Writer[]): Promise<void> {
  const goals = writers.map((writer) => writer.acknowledged + WARM)
  await until('writes to go on', () =>
    writers.every((writer, index) => writer.failure !== null || writer.acknowledged > (goals[index] ?? 0)),
  )
}

/** No writer saw an error, and every node has what was acknowledged. */
export async function verify(writers: readonly Writer[]): Promise<void> {
  for (const writer of writers) assert.equal(writer.failure, null)
  for (const writer of writers) for (const node of containers) await writer.verify(node)
}

/** Volumes hold the data: `down` keeps it, `down -v` removes it. */
export async function volumes(): Promise<Figures> {
  await container(1).command('SET', 'kept', 'in a volume')
  await compose('down')
  const downAndUpMs = await up()
  for (const node of containers) assert.equal(await node.command('GET', 'kept'), 'in a volume')
  await compose('down', '-v')
  const left = (await docker('volume', 'ls', '--quiet')).split('\n')
  for (const volume of VOLUMES) assert.ok(!left.includes(volume), `${volume} is still there`)
  await up()
  assert.equal(await container(1).command('GET', 'kept'), 'null')
  return { downAndUpMs }
}

/** The image alone, with nothing but its volume to write to. */
export async function locked(): Promise<Figures> {
  const flags = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']
  const id = (await docker('run', '-d', '--rm', ...flags, '-e', 'KVORUM_INSECURE=true', image())).trim()
  try {
    await until('the lone container is healthy', async () => {
      const state = await docker('inspect', '--format', '{{.State.Health.Status}}', id)
      return state.trim() === 'healthy'
    })
    assert.equal((await docker('exec', id, 'id', '-u')).trim(), '1000')
    assert.equal((await docker('exec', id, 'kvorum', 'set', 'greeting', 'hello')).trim(), 'OK')
    assert.equal((await docker('exec', id, 'kvorum', 'get', 'greeting')).trim(), 'hello')
    await assert.rejects(docker('exec', id, 'touch', '/app/x'), /Read-only file system|Permission denied/)
  } finally {
    await docker('stop', id)
  }
  const bytes = Number(await docker('image', 'inspect', '--format', '{{.Size}}', image()))
  return { imageMB: Math.round(bytes / 1e6) }
}

/** The image under test. */
export function image(): string {
  return process.env.KVORUM_IMAGE ?? 'kvorum:latest'
}
