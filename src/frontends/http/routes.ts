/**
 * Every HTTP route of a node: one line per plugin. A plugin registers its routes on an app of its own, so that its
 * body parsers and hooks are nobody else's.
 */
import type { FastifyInstance } from 'fastify'
import type { Door } from '../door.ts'
import { healthRoutes } from './health/health.ts'
import { kvStoreRoutes } from './kv-store/routes.ts'
import { metricsRoutes } from './metrics/routes.ts'
import { nativeRoutes } from './v1/index.ts'
import { vikRoutes } from './vik/routes.ts'
import { clusterStatusRoutes } from './vik/status.ts'

export type RoutePlugin = (app: FastifyInstance, door: Door) => void

export const routePlugins: readonly RoutePlugin[] = [
  healthRoutes,
  metricsRoutes,
  nativeRoutes,
  kvStoreRoutes,
  vikRoutes,
  clusterStatusRoutes,
]

/**
 * Below these paths everything is a key in percent encoding, of any bytes: the router must not decode it. It sees
 * `<prefix>*`; the handler finds the whole in `request.originalUrl`.
 */
const KEY_PATHS = ['/v1/kv/', '/kv/', '/kv-store/v1/kv/'] as const

/** The URL as the router is to see it. */
export function routedUrl(url: string): string {
  for (const prefix of KEY_PATHS) {
    if (!url.startsWith(prefix) || url.length === prefix.length) continue
    const query = url.indexOf('?', prefix.length)
    return query < 0 ? `${prefix}*` : `${prefix}*${url.slice(query)}`
  }
  return url
}

/** Which methods a path has, for `Allow`. Only refusals and OPTIONS ask. */
export class MethodTable {
  readonly #methods = new Map<string, Set<string>>()

  /** `pattern` as fastify has it: ':name' stands for one part, a final '*' for the rest. */
  add(pattern: string, methods: readonly string[]): void {
    const known = this.#methods.get(pattern) ?? new Set()
    for (const method of methods) known.add(method)
    this.#methods.set(pattern, known)
  }

  /** In alphabetical order; none when there is nothing at the path. */
  allowed(path: string): string[] {
    const allowed = new Set<string>()
    for (const [pattern, methods] of this.#methods) {
      if (!matches(pattern, path)) continue
      for (const method of methods) allowed.add(method)
    }
    if (allowed.size > 0) allowed.add('OPTIONS')
    return [...allowed].sort()
  }
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const parts = path.split('/')
  for (const [index, part] of wanted.entries()) {
    if (part === '*') return parts.length > index
    const isParameter = part.startsWith(':')
    if (isParameter ? (parts[index] ?? '') === '' : parts[index] !== part) return false
  }
  return parts.length === wanted.length
}
