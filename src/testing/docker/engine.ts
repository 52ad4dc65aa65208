/** The Docker engine as the container tests use it: commands with a limit, their failures with what they printed. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const LIMIT_MS = 600_000
const OUTPUT_BYTES = 16 * 1024 * 1024

/** The root of the repository, as the build context. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface RunOptions {
  /** Milliseconds after which the program is ended. */
  readonly limitMs?: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Any program; its standard output. Throws with everything it printed when its status is not 0. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      timeout: options.limitMs ?? LIMIT_MS,
      maxBuffer: OUTPUT_BYTES,
    }
    execFile(program, args, settings, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const line = [program, ...args].join(' ')
      reject(new Error(`${line}\nfailed: ${error.message}\n${stdout}\n${stderr}`))
    })
  })
}

export function docker(...args: string[]): Promise<string> {
  return run('docker', args)
}

/** Why the container tests cannot run here, or null. */
export async function whyNoDocker(): Promise<string | null> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { limitMs: 15_000 })
  } catch {
    return 'no Docker engine answers (docker version)'
  }
  try {
    await run('docker', ['compose', 'version'], { limitMs: 15_000 })
  } catch {
    return 'Docker Compose is not installed (docker compose version)'
  }
  return null
}
