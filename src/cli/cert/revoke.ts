/** Takes certificates back: they go on the authority's revocation list, and their files out of the way of new ones. */
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, exitCodes } from '../exit.ts'
import { loadAuthority } from './files.ts'
import { issuedTo } from './issued.ts'
import { CA_NAME, pathsOf } from './paths.ts'
import { issueRevocationList, readRevocationList } from './revocation-list.ts'

/**
 * Writes the folder's ca.crl anew, with every certificate that was made for one of `names` on it; gives its path.
 * Without names the list is as it was, or empty. What is listed stays listed.
 */
export function revoke(folder: string, names: readonly string[], nowMs: number): string {
  const authority = loadAuthority(folder)
  const path = join(folder, `${CA_NAME}.crl`)
  const before = listIn(path)
  const revoked = new Map(before.revoked.map((one) => [one.serial, one]))
  for (const serial of names.flatMap((name) => serialsOf(folder, name))) {
    if (!revoked.has(serial)) revoked.set(serial, { serial, at: new Date(nowMs) })
  }
  const ca = new X509Certificate(readFileSync(pathsOf(folder, CA_NAME).cert))
  const list = {
    revoked: [...revoked.values()],
    number: before.number + 1,
    nowMs,
    endsAt: new Date(ca.validTo),
  }
  writeFileSync(`${path}.new`, issueRevocationList(list, authority))
  renameSync(`${path}.new`, path)
  for (const name of names) setAside(folder, name)
  return path
}

/** What was listed before. One that cannot be read is not written over: it says who must not come in. */
function listIn(path: string): ReturnType<typeof readRevocationList> {
  if (!existsSync(path)) return { revoked: [], number: 0 }
  try {
    return readRevocationList(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = (error as Error).message
    throw new CliError(exitCodes.failed, `Nothing was revoked: ${path} is no revocation list (${reason})`)
  }
}

function serialsOf(folder: string, name: string): string[] {
  if (name === CA_NAME) throw new CliError(exitCodes.usage, 'An authority cannot be revoked: make a new one')
  const serials = issuedTo(folder, name)
  if (serials.length > 0) return serials
  throw new CliError(exitCodes.failed, `There is no certificate of ${name} in ${folder}`)
}

/** Whoever has the old key must not get a new certificate for it. */
function setAside(folder: string, name: string): void {
  const { cert, key } = pathsOf(folder, name)
  for (const file of [cert, key]) if (existsSync(file)) renameSync(file, `${file}.revoked`)
}
