/** Registers the native API: every row of its route table, /openapi.json and /docs. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Door } from '../../door.ts'
import { ProblemError } from '../problem.ts'
import { type ApiRoute, queryNames } from './api.ts'
import { Call } from './call.ts'
import { DOCS_POLICY, docsPage } from './docs-page.ts'
import { Native } from './native.ts'
import { openApiOf } from './openapi.ts'
import { idempotencyKey } from './parameters.ts'
import { routes } from './routes.ts'

export function nativeRoutes(app: FastifyInstance, door: Door): void {
  const native = new Native(door)
  // Bodies are bytes: what they mean is a matter of the route.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  for (const route of routes) register(app, native, route)
  documents(app, door)
}

/** '{key}' -> '*', '{name}' -> ':name'. */
function routerPath(path: string): string {
  return path.replace('{key}', '*').replace(/\{(\w+)\}/g, ':$1')
}

function register(app: FastifyInstance, native: Native, route: ApiRoute): void {
  const known = queryNames(route)
  app.route({
    method: route.method,
    url: routerPath(route.path),
    ...(route.bodyBytes > 0 ? { bodyLimit: route.bodyBytes } : {}),
    // The headers of an answer without an end say nothing.
    exposeHeadRoute: route.id !== 'watch',
    handler: (request: FastifyRequest, reply: FastifyReply) => {
      const call = new Call(native, request, reply)
      call.run(known, isTaken(call, route) ? route.handle : refuseIdempotency)
    },
  })
}

/** What a client relies on must not be ignored; reads need no protection. */
function isTaken(call: Call, { method, parameters }: ApiRoute): boolean {
  return method === 'GET' || call.header('idempotency-key') === null || parameters.includes(idempotencyKey)
}

function refuseIdempotency(): never {
  throw new ProblemError('BAD_REQUEST', 'this route takes no Idempotency-Key')
}

/** Made once: the table does not change. */
function documents(app: FastifyInstance, door: Door): void {
  const openApi = JSON.stringify(openApiOf(routes, door.executor.status().version))
  const page = docsPage(routes)
  app.get('/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(openApi))
  // For who has only the address of a node.
  app.get('/', (_request, reply) => reply.redirect('/docs'))
  app.get('/docs', (_request, reply) => {
    reply.header('content-security-policy', DOCS_POLICY)
    return reply.type('text/html; charset=utf-8').send(page)
  })
}
