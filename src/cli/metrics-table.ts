/** The generated part of docs/metrics.md: every family that /metrics serves, by group, from the table in the code. */
import { type FamilyGroup, familyGroups } from '../frontends/http/metrics/families.ts'
import type { Family } from '../frontends/http/metrics/family.ts'
import { code, table } from './markdown.ts'

/** The unit that a name ends in, as Prometheus' conventions have it; '' = a count or a state. */
const UNITS = ['seconds', 'bytes', 'ratio'] as const

export function metricsSections(): string {
  return familyGroups.map(section).join('\n\n')
}

function section({ title, families }: FamilyGroup): string {
  const rows = families.map((family) => [
    code(family.name),
    family.type,
    family.labels.map(code).join(' '),
    unitOf(family),
    family.help,
  ])
  return `### ${title}\n\n${table(['Metric', 'Type', 'Labels', 'Unit', 'Meaning'], rows)}`
}

function unitOf({ name }: Family): string {
  const words = name.replace(/_total$/, '').split('_')
  return UNITS.find((unit) => words.includes(unit)) ?? ''
}
