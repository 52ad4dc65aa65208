/** /openapi.json is valid, complete and true; /docs stands alone. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { ExecuteDone } from '../../../cluster/execute.ts'
import { errors } from '../../../protocol/errors.ts'
import { errorCodeReply } from '../../../protocol/reply.ts'
import { httpRequest } from '../../../testing/clients/http-client.ts'
import { type DoorFixture, openFixture } from '../../../testing/doors/door-fixture.ts'
import { routes } from './routes.ts'

type Document = {
  openapi: string
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
  components: { schemas: Record<string, unknown> }
}

let fixture: DoorFixture
let document: Document

before(async () => {
  fixture = await openFixture()
  document = (await httpRequest(fixture.doors.httpPort, '/openapi.json')).json()
})
after(() => fixture.close())

/** A path that the route takes. */
function example(path: string): string {
  return path.replace('{key}', 'a/b').replace('{name}', 'node9')
}

function responses(method: string, path: string): Record<string, unknown> {
  return document.paths[path]?.[method.toLowerCase()]?.responses ?? {}
}

describe('/openapi.json', () => {
  test('is valid OpenAPI 3.1, by a validator of others', async () => {
    const result = await new Validator().validate(document)
    assert.deepEqual([result.valid, result.errors ?? []], [true, []])
    assert.equal(document.openapi, '3.1.0')
  })

  test('has every row of the table, and every reference leads somewhere', () => {
    for (const { method, path, id } of routes) {
      assert.equal(document.paths[path]?.[method.toLowerCase()]?.operationId, id)
    }
    const ids = routes.map((route) => route.id)
    assert.equal(new Set(ids).size, ids.length)
    for (const match of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(document.components.schemas[match[1] ?? ''] !== undefined, match[1])
    }
  })

  test('every documented route exists, with exactly its methods', async () => {
    for (const [path, item] of Object.entries(document.paths)) {
      const answer = await httpRequest(fixture.doors.httpPort, example(path), { method: 'OPTIONS' })
      assert.equal(answer.status, 204, path)
      const allowed = (answer.headers.allow ?? '')
        .split(', ')
        .filter((method) => !/HEAD|OPTIONS/.test(method))
      assert.deepEqual(
        allowed,
        Object.keys(item)
          .map((method) => method.toUpperCase())
          .sort(),
        path,
      )
    }
  })

  test('what is not documented does not exist', async () => {
    for (const path of ['/v1', '/v1/', '/v1/sql', '/v1/kvx', '/v1/cluster/nodes/a/b', '/v2/kv/a']) {
      assert.equal((await httpRequest(fixture.doors.httpPort, path, { method: 'OPTIONS' })).status, 404, path)
    }
  })

  test('an unknown parameter is refused by every route that reads', async () => {
    for (const { method, path, parameters } of routes.filter((route) => route.method === 'GET')) {
      const answer = await httpRequest(fixture.doors.httpPort, `${example(path)}?nonsense=1`, { method })
      assert.equal(answer.status, 400, path)
      for (const row of parameters.filter((one) => one.in === 'query')) {
        assert.ok(answer.text.includes(row.name), `${path} says that it takes ${row.name}`)
      }
    }
  })

  test('whatever the cluster refuses with is documented, and nothing that cannot come', async (t) => {
    const { executor } = fixture
    for (const code of [
      'NO_LEADER',
      'NO_QUORUM',
      'NOT_READY',
      'OVERLOADED',
      'BEHIND',
      'UNKNOWN_OUTCOME',
    ] as const) {
      const mock = t.mock.method(
        executor,
        'execute',
        (_command: unknown, _options: unknown, done: ExecuteDone) =>
          done({ reply: errorCodeReply(code), error: code }),
      )
      for (const { method, path, body, tag } of routes.filter((route) => route.tag !== 'cluster')) {
        if (tag === 'watch' || path === '/v1/kv' || (code === 'BEHIND' && method !== 'GET')) continue
        if (method === 'GET' && code === 'UNKNOWN_OUTCOME') continue
        const sent = body?.example ?? (method === 'PATCH' ? {} : undefined)
        const answer = await httpRequest(fixture.doors.httpPort, example(path), {
          method,
          ...(sent === undefined ? {} : { body: sent as object }),
        })
        assert.equal(answer.status, errors[code].http, `${method} ${path}: ${answer.text}`)
        assert.ok(answer.status in responses(method, path), `${method} ${path} does not tell of ${code}`)
      }
      mock.mock.restore()
    }
    for (const { method, path } of routes) {
      assert.equal('504' in responses(method, path), method !== 'GET', `${method} ${path}`)
    }
  })

  test('examples are taken', async () => {
    for (const { method, path, body } of routes) {
      if (body?.example === undefined) continue
      const answer = await httpRequest(fixture.doors.httpPort, example(path), {
        method,
        body: body.example as object,
      })
      assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`)
    }
  })
})

describe('/docs', () => {
  test('names every route and every error, and needs nothing from elsewhere', async () => {
    const page = await httpRequest(fixture.doors.httpPort, '/docs')
    assert.match(page.headers['content-security-policy'] ?? '', /default-src 'none'/)
    for (const { id } of routes) assert.ok(page.text.includes(`id="${id}"`), id)
    for (const code of Object.keys(errors)) assert.ok(page.text.includes(`id="${code}"`), code)
    assert.doesNotMatch(page.text, /<script|<link|<img|https?:\/\//)
  })

  test('is where the address of a node alone leads to', async () => {
    const { status, headers } = await httpRequest(fixture.doors.httpPort, '/')
    assert.deepEqual([status, headers.location], [302, '/docs'])
  })

  test('every problem leads to its place there', async () => {
    const { type } = (await httpRequest(fixture.doors.httpPort, '/v1/kv/none')).json<{ type: string }>()
    assert.equal(type, '/docs#NOT_FOUND')
  })
})
