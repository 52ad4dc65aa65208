/** One command at a time changes a local cluster: two concurrent starts would each start every node. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processIdentity } from '../../server/process-identity.ts'
import { CliError, exitCodes } from '../exit.ts'

/** Runs `work` while holding the folder's lock; a lock whose holder is gone counts for nothing. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'lock')
  if (!tryLock(path)) {
    const holder = liveHolder(path)
    if (holder !== null) {
      throw new CliError(
        exitCodes.failed,
        `Another command is changing the cluster in ${folder} (process ${holder})`,
      )
    }
    rmSync(path, { force: true })
    if (!tryLock(path))
      throw new CliError(exitCodes.failed, `Cannot lock ${path}: another command was faster`)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid} ${processIdentity(process.pid) ?? ''}`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function liveHolder(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8')
    const pid = Number.parseInt(text, 10)
    return processIdentity(pid) === text.slice(String(pid).length + 1) ? pid : null
  } catch {
    return null
  }
}
