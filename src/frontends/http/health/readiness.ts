/**
 * The checks behind /readyz and /livez and their report, in the form of Kubernetes and etcd: one line per check,
 * '[+]name ok' or '[-]name failed: why', and a last line for the whole. What only limits writes is a warning, '[!]'.
 */
import type { HealthCheck } from '../../../cluster/execute.ts'
import type { Door } from '../../door.ts'

const NODE = 'node'

export interface Report {
  readonly isOk: boolean
  readonly text: string
}

/**
 * Is the node ready to serve its default consistency? `excluded` checks are shown but do not count. Short space is no
 * failure: reads and deletions go on, and a balancer that took such nodes out would make it worse.
 */
export function readinessReport(door: Door, excluded: readonly string[] = []): Report {
  const status = door.executor.status()
  const isLeaving =
    door.isLeaving || status.checks.some(({ name, failure }) => name === NODE && failure !== null)
  const node: HealthCheck = { name: NODE, failure: isLeaving ? 'it is shutting down' : null }
  const checks = [node, ...status.checks.filter(({ name }) => name !== NODE)]
  const warning = status.space === 'ok' ? null : `disk ${status.space}: writes that grow data are refused`
  return report('readyz', checks, excluded, warning === null ? '[+]disk ok' : `[!]${warning}`)
}

/** Alive means that this answers: it must not depend on a majority, or a partitioned node would be restarted. */
export function livenessReport(): Report {
  return report('livez', [{ name: 'ping', failure: null }], [], null)
}

function report(
  title: string,
  checks: readonly HealthCheck[],
  excluded: readonly string[],
  note: string | null,
): Report {
  const isExcluded = ({ name }: HealthCheck): boolean => excluded.includes(name)
  const lines = checks.map((check) => (isExcluded(check) ? `[+]${check.name} excluded: ok` : lineOf(check)))
  if (note !== null) lines.push(note)
  for (const name of excluded) {
    if (!checks.some((check) => check.name === name))
      lines.push(`[!]no check is named ${JSON.stringify(name)}`)
  }
  const isOk = checks.every((check) => check.failure === null || isExcluded(check))
  return { isOk, text: `${lines.join('\n')}\n${title} check ${isOk ? 'passed' : 'failed'}\n` }
}

function lineOf({ name, failure }: HealthCheck): string {
  return failure === null ? `[+]${name} ok` : `[-]${name} failed: ${failure}`
}
