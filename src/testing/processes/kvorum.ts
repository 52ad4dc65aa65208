/** Runs the command line to its end. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ENTRY = fileURLToPath(new URL('./node-main.js', import.meta.url))
const LIMIT_MS = 300_000

export interface KvorumResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export function runKvorum(args: readonly string[]): Promise<KvorumResult> {
  return runProgram(process.execPath, [ENTRY, ...args])
}

/** Any program to its end; its exit status is 1 when a signal ended it. */
export function runProgram(program: string, args: readonly string[]): Promise<KvorumResult> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ status, stdout, stderr })
    })
  })
}
