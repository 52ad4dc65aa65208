/** OpenAPI 3.1 of the native API, made of its route table and of the table of errors. */
import { type ErrorCode, errors } from '../../../protocol/errors.ts'
import { PROBLEM_TYPE } from '../problem.ts'
import type { ApiRoute, Content, Parameter, Schema } from './api.ts'
import { minRevision } from './parameters.ts'
import { schemas } from './schemas.ts'

/** What every route may refuse with. */
const EVERY: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'PROTOCOL',
  'UNAUTHENTICATED',
  'WRONG_PASSWORD',
  'DENIED',
  'REQUEST_TIMEOUT',
  'TOO_LARGE',
  'UNSUPPORTED_TYPE',
  'UNKNOWN_HOST',
  'OVERLOADED',
  'TOO_MANY_ATTEMPTS',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
]
/** What the cluster may refuse to execute anything with. */
const EXECUTED: readonly ErrorCode[] = ['NO_LEADER', 'NO_QUORUM', 'NOT_READY', 'SHUTTING_DOWN', 'UPGRADING']
const READ: readonly ErrorCode[] = [...EXECUTED, 'BEHIND']
const CHANGED: readonly ErrorCode[] = [...EXECUTED, 'CROSS_SITE', 'UNKNOWN_OUTCOME']

/** The document, ready for JSON. */
export function openApiOf(routes: readonly ApiRoute[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const item = paths[route.path] ?? {}
    paths[route.path] = item
    item[route.method.toLowerCase()] = operation(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kvorum',
      version,
      description: 'A durable, replicated key-value database. Every node answers every request.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This node.' }],
    security: [{}, { bearer: [] }, { basic: [] }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The password.' },
        basic: { type: 'http', scheme: 'basic', description: "User 'default' and the password." },
      },
    },
  }
}

function operation(route: ApiRoute): Record<string, unknown> {
  const { id, method, summary, description, tag, parameters, body } = route
  return {
    operationId: id,
    summary,
    ...(description === '' ? {} : { description }),
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameter) }),
    ...(body === null ? {} : { requestBody: { required: method === 'POST', ...content(body) } }),
    responses: { ...replies(route), ...problems(codesOf(route)) },
  }
}

/** What is answered from this node alone waits for nobody. */
function codesOf({ method, parameters, problems }: ApiRoute): readonly ErrorCode[] {
  const isRead = parameters.includes(minRevision)
  return [...EVERY, ...(isRead ? READ : []), ...(method === 'GET' ? [] : CHANGED), ...problems]
}

function parameter(row: Parameter): Record<string, unknown> {
  return { ...row, required: row.in === 'path' }
}

function content({ description, media, example }: Content): Record<string, unknown> {
  const types = Object.entries(media).map(([type, schema]) => [
    type,
    example === undefined ? { schema } : { schema, example },
  ])
  return types.length === 0 ? { description } : { description, content: Object.fromEntries(types) }
}

function replies(route: ApiRoute): Record<string, unknown> {
  return Object.fromEntries(Object.entries(route.replies).map(([status, reply]) => [status, content(reply)]))
}

/** One reply per status, naming its codes. */
function problems(codes: readonly ErrorCode[]): Record<string, unknown> {
  const byStatus = new Map<number, Set<ErrorCode>>()
  for (const code of codes) {
    const known = byStatus.get(errors[code].http) ?? new Set()
    byStatus.set(errors[code].http, known.add(code))
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      content({ description: [...names].join(', '), media: { [PROBLEM_TYPE]: reference('Problem') } }),
    ]),
  )
}

export function reference(name: keyof typeof schemas): Schema {
  return { $ref: `#/components/schemas/${name}` }
}
