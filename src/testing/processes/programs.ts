/**
 * Programs of Debian packages that some tests use: where they are, running them to an end with input, and running them
 * in the background until the test is over.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

const FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/bin', '/sbin']
const LIMIT_MS = 300_000
const KEPT_OUTPUT = 64 * 1024

export interface ProgramResult {
  readonly status: number
  /** Of both streams, in the order of arrival. */
  readonly output: string
}

/** The program's path, or null when this machine has none. */
export function findProgram(name: string): string | null {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null
}

/** Why a test that needs these programs is skipped; null = it runs. In CI a missing program is a failure. */
export function lacksPrograms(...names: readonly string[]): string | null {
  const missing = names.filter((name) => findProgram(name) === null)
  return missing.length === 0 || process.env.CI !== undefined ? null : `${missing.join(', ')}: not installed`
}

/** Runs a program to its end with `input` on stdin; 1 when a signal ended it. */
export function runWithInput(name: string, args: readonly string[], input = ''): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(findProgram(name) ?? name, args, { timeout: LIMIT_MS })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', (status) => resolve({ status: status ?? 1, output }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** A program in the background; its newest output is kept, to be shown when a test fails. */
export class BackgroundProgram {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  output = ''

  constructor(name: string, args: readonly string[]) {
    const child = spawn(findProgram(name) ?? name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-KEPT_OUTPUT)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => keep(Buffer.from(`${error.message}\n`)))
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
