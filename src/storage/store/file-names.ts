/**
 * Names in the store's folder. A table is `<prefix>-<number>.tbl`: the prefix names the node that made it,
 * numbers are never used twice by it, so a name means the same bytes on every node.
 */

export const MANIFEST_NAME = 'manifest'
export const MANIFEST_NEW_NAME = 'manifest.new'
const TABLE_SUFFIX = '.tbl'
/** A file in transfer from another node. */
export const PART_SUFFIX = '.part'

export function tableName(prefix: string, number: number): string {
  return `${prefix}-${number}${TABLE_SUFFIX}`
}

/** True for names this module makes: what a start may remove. */
export function isStoreFile(name: string): boolean {
  return (
    name === MANIFEST_NEW_NAME || name.endsWith(TABLE_SUFFIX) || name.endsWith(TABLE_SUFFIX + PART_SUFFIX)
  )
}

/** Names come from other nodes: only plain table names may become paths. */
export function isTableName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\.tbl$/.test(name)
}

/** The number in the name of a table made here (also one in transfer), or 0. */
export function numberOf(name: string, prefix: string): number {
  if (!name.startsWith(`${prefix}-`)) return 0
  const number = Number.parseInt(name.slice(prefix.length + 1), 10)
  return Number.isSafeInteger(number) ? number : 0
}
