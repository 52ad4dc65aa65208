/** The native HTTP API on a real cluster: races, failovers, watches by our own reader, undici and a browser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventSource } from 'undici'
import { httpRequest } from '../clients/http-client.ts'
import { BrowserPage } from '../processes/browser.ts'
import { withCluster } from '../processes/cluster.ts'
import { lacksPrograms } from '../processes/programs.ts'
import { until } from '../processes/wait.ts'
import { watches } from './watches.ts'

const WRITERS = 64
const ROUNDS = 5

test('the native HTTP API', async (t) => {
  const page = await BrowserPage.serve()
  await withCluster({ flags: { 'cors-origins': page.origin } }, async (cluster) => {
    const port = (i: number): number => cluster.node(i % 3).options.httpPort
    const put = (i: number, key: string, body: string, headers: Record<string, string> = {}) =>
      httpRequest(port(i), `/v1/kv/${key}`, { method: 'PUT', body, headers })

    await t.test('of 64 writers that race on one condition exactly one wins, whatever the node', async () => {
      let etag = ''
      for (let round = 0; round < ROUNDS; round++) {
        const headers = round === 0 ? { 'if-none-match': '*' } : { 'if-match': etag }
        const answers = await Promise.all(
          Array.from({ length: WRITERS }, (_, i) =>
            put(i, 'race', `${round}:${i}`, headers as Record<string, string>),
          ),
        )
        const winners = answers.flatMap((answer, i) => (answer.status < 300 ? [{ answer, i }] : []))
        assert.equal(winners.length, 1)
        assert.equal(answers.filter((answer) => answer.status === 412).length, WRITERS - 1)
        const [winner] = winners
        const got = await httpRequest(port(round), '/v1/kv/race')
        assert.deepEqual([got.text, got.headers.etag], [`${round}:${winner?.i}`, winner?.answer.headers.etag])
        assert.notEqual(got.headers.etag, etag)
        etag = got.headers.etag ?? ''
      }
    })

    await t.test('writes of one key in one turn have entity tags of their own', async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => put(0, 'turn', String(i))))
      assert.equal(new Set(answers.map(({ headers }) => headers.etag)).size, 50)
    })

    await t.test(
      'a value can be read at every node behind the revision of its write, even from what is there at once',
      async () => {
        for (let i = 0; i < 20; i++) {
          const written = await put(i, 'ryw', String(i))
          const headers = { 'x-kvorum-min-revision': String(written.headers['x-kvorum-revision']) }
          const read = await httpRequest(port(i + 1), '/v1/kv/ryw?consistency=stale', { headers })
          assert.equal(read.text, String(i))
        }
      },
    )

    await t.test('Idempotency-Key: a repeat across a failover gets the first answer', async () => {
      const headers = { 'idempotency-key': 'failover' }
      const body = { ops: [{ op: 'set', key: 'paid', value: '10', previous: true }] }
      const batch = (i: number) => httpRequest(port(i), '/v1/batch', { method: 'POST', body, headers })
      const leader = await cluster.leader()
      const first = await batch(cluster.nodes.indexOf(leader))
      assert.equal(first.status, 200)
      await put(0, 'paid', 'by somebody else')
      await leader.kill()
      await cluster.leader(cluster.running, leader)
      for (const node of cluster.running) {
        const again = await batch(cluster.nodes.indexOf(node))
        assert.deepEqual([again.status, again.text], [200, first.text])
        assert.equal(again.headers['idempotency-replayed'], 'true')
      }
      await leader.restart()
      assert.equal((await httpRequest(port(0), '/v1/kv/paid')).text, 'by somebody else')
    })

    await t.test(
      'a watch through the loss of leaders: no gap, no duplicate, and it adds up to the state',
      async () => {
        const report = await watches(cluster, { rounds: 2, writesPerRound: 60 })
        assert.ok(report.resumed > 0 && report.writes > 120)
      },
    )

    await t.test('undici reads a watch, and goes on by itself when the node comes back', async () => {
      const node = cluster.node(1)
      const source = new EventSource(`http://127.0.0.1:${node.options.httpPort}/v1/watch?prefix=es`)
      const seen: string[] = []
      source.onmessage = ({ data }) => {
        seen.push(JSON.parse(data).key)
      }
      try {
        await until('the watch to be open', () => source.readyState === EventSource.OPEN)
        await put(0, 'es1', 'a')
        await until('the first event', () => seen.length === 1)
        node.signal('SIGTERM')
        await node.exited()
        await put(0, 'es2', 'b')
        await node.restart()
        await put(0, 'es3', 'c')
        await until('the others', (saw) => {
          saw({ seen, readyState: source.readyState })
          return seen.length >= 3
        })
        assert.deepEqual(seen, ['es1', 'es2', 'es3'])
      } finally {
        source.close()
      }
    })

    const skip = lacksPrograms('chromium') ?? false
    await t.test(
      "a browser's EventSource reads a watch from a page of a named origin",
      { skip },
      async () => {
        await page.open(`http://127.0.0.1:${port(2)}/v1/watch?prefix=b`)
        await until('the page to watch', (saw) => {
          saw(page.messages)
          return page.messages.some(({ kind }) => kind === 'open')
        })
        for (const key of ['b1', 'other', 'b2']) await put(0, key, `v${key}`)
        const keys = (): string[] =>
          page.messages.flatMap((message) => (message.kind === 'event' ? [JSON.parse(message.data).key] : []))
        await until('both events', (saw) => {
          saw(page.messages)
          return keys().length >= 2
        })
        assert.deepEqual(keys(), ['b1', 'b2'])
      },
    )
  }).finally(() => page.close())
})
