/** Runs the command line as its own process, as a user does. */
import { type ChildProcess, spawn } from 'node:child_process'

export interface CliResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
}

const ENTRY = `import { runCli } from '${new URL('../main.js', import.meta.url).href}'; await runCli(process.argv)`

/** Starts `kvorum` with the arguments; its standard streams are pipes. */
export function startCli(args: readonly string[], options: CliOptions): ChildProcess {
  const env = { ...withoutSettings(process.env), ...options.env }
  return spawn(process.execPath, ['--input-type=module', '-e', ENTRY, 'kvorum', ...args], {
    cwd: options.cwd,
    env,
  })
}

/** Runs `kvorum` to its end. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = startCli(args, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (text) => {
    stdout += text
  })
  child.stderr?.on('data', (text) => {
    stderr += text
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input ?? '')
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })))
}

/** A developer's own KVORUM_* variables must not reach a test. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('KVORUM_')))
}
