/**
 * GET /metrics, on the HTTP port and on the Redis port. With a password set it wants that password, unless the setting
 * metrics-open says that everyone may read (R19).
 */
import type { FastifyInstance } from 'fastify'
import type { Door } from '../../door.ts'
import { countOpenFiles } from '../../stats/runtime-monitor.ts'
import { families } from './families.ts'
import { contentType, formatFor, renderFamilies } from './text.ts'

export function metricsRoutes(app: FastifyInstance, door: Door): void {
  const config = { isOnEveryPort: true, isOpen: door.config.metricsOpen }
  app.get('/metrics', { config }, async (request, reply) => {
    const openFiles = await countOpenFiles()
    const { executor } = door
    const scrape = { door, status: executor.status(), measured: executor.measurements(), openFiles }
    const format = formatFor(request.headers.accept)
    return reply.type(contentType(format)).send(renderFamilies(families, scrape, format))
  })
}
