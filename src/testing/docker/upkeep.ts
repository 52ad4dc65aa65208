/**
 * What the operators of a container cluster do to it: restart it, bring it to another image one node after the other,
 * give it secrets of its own, and everything that docs/docker.md shows.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blocksOfPage } from '../docs/blocks.ts'
import { runPage } from '../docs/run-page.ts'
import { until } from '../processes/wait.ts'
import { compose, composeWith, container, containers, up } from './compose.ts'
import { docker, ROOT, run } from './engine.ts'
import { type Figures, goOn, image, newWriter, verify } from './scenarios.ts'

const PAGE = 'docs/docker.md'

/** All three at once: what was acknowledged is there, and each of them ended by itself. */
export async function restart(): Promise<Figures> {
  const writer = newWriter('restart')
  writer.start(await container(1).connect())
  await goOn([writer])
  await compose('restart')
  const start = performance.now()
  await writer.stop()
  for (const node of containers) await node.ready()
  for (const node of containers) await writer.verify(node)
  return { acknowledged: writer.acknowledged, readyMs: Math.round(performance.now() - start) }
}

/** Another image, node by node, as the documents say: who writes through a node that is not at it sees no error. */
export async function upgrade(): Promise<Figures> {
  const env = { KVORUM_IMAGE: 'kvorum:test-docker-upgrade' }
  await docker('tag', image(), 'kvorum:test-docker-base')
  await relabel(env.KVORUM_IMAGE)
  try {
    for (const [index, node] of containers.entries()) {
      const writer = newWriter(`upgrade-${node.name}`)
      writer.start(await container(((index + 1) % containers.length) + 1).connect())
      await goOn([writer])
      await composeWith(env, 'up', '-d', '--no-deps', node.service)
      await node.ready()
      assert.equal(await node.inspect('{{.Config.Image}}'), env.KVORUM_IMAGE)
      await goOn([writer])
      await writer.stop()
      await verify([writer])
    }
  } finally {
    await up()
    await docker('image', 'rm', '-f', env.KVORUM_IMAGE, 'kvorum:test-docker-base')
  }
  return {}
}

/** The same program under another name, so that Compose sees another image. */
async function relabel(name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-docker-'))
  try {
    await writeFile(join(folder, 'Dockerfile'), 'FROM kvorum:test-docker-base\nLABEL test-docker=upgrade\n')
    await docker('build', '-t', name, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A password and a cluster secret of one's own, on data that was there before, and back. */
export async function secrets(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-docker-'))
  const file = join(folder, 'cluster-secret')
  await writeFile(file, 'a secret of the test\n', { mode: 0o644 })
  await run('chmod', ['755', folder])
  await container(1).command('SET', 'before-the-password', 'v')
  try {
    await up({ KVORUM_PASSWORD: 'secret', KVORUM_CLUSTER_SECRET: file })
    await assert.rejects(container(1).command('GET', 'before-the-password'), /NOAUTH/)
    const cli = (env: Readonly<Record<string, string>>, ...args: string[]) =>
      run('bash', [join(ROOT, 'kv-cli.sh'), ...args], { env, limitMs: 60_000 })
    const password = { KVORUM_PASSWORD: 'secret' }
    assert.match(await cli({}, 'get', 'before-the-password'), /^Error: Authentication required/)
    assert.equal(await cli(password, '-n', 'node2', 'get', 'before-the-password'), 'v\n')
    assert.equal((await cli(password, 'test')).match(/✓/g)?.length, 3)
    const command = join(ROOT, 'scripts', 'cluster.sh')
    assert.match(await run('bash', [command, '--docker', 'status'], { env: password }), /\(leader\)/)
  } finally {
    await up()
    await rm(folder, { recursive: true })
  }
  assert.equal(await container(3).command('GET', 'before-the-password'), 'v')
  return {}
}

/** The blocks of the page that need an engine, in their order and as they are written; the others are run elsewhere. */
export async function documents(): Promise<Figures> {
  const scratch = await mkdtemp(join(tmpdir(), 'kvorum-docker-'))
  const blocks = blocksOfPage(ROOT, PAGE).filter(({ marks }) => marks.includes('docker'))
  try {
    await runPage({ prefix: [], folder: ROOT, scratch, path: [] }, blocks, { isRunnable: () => true })
  } finally {
    await docker('rm', '-f', '-v', 'kvorum').catch(() => '')
    await docker('volume', 'rm', '-f', 'kvorum-data').catch(() => '')
    await rm(scratch, { recursive: true })
  }
  await up()
  await until('all to be ready', async () => {
    const answers = await Promise.all(containers.map((node) => node.http('/readyz')))
    return answers.every(({ status }) => status === 200)
  })
  return { blocks: blocks.length }
}
