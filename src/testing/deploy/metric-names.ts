/** Which metrics expressions of PromQL, alert rules and dashboards name, and whether the table has them. */
import { families } from '../../frontends/http/metrics/families.ts'

const NAME = /\b(?:kvorum|redis|process|nodejs)_[a-z0-9_]+/g

const served = new Set(
  families.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)

/** Names in `expression` that no node serves. */
export function unknownMetrics(expression: string): string[] {
  return [...expression.matchAll(NAME)].map(([name]) => name).filter((name) => !served.has(name))
}

/** The same for prose, which names histograms as a whole. */
export function unknownFamilies(text: string): string[] {
  return unknownMetrics(text).filter((name) => !families.some((family) => family.name === name))
}
