/**
 * redis-cli as people use it, against a real node: every mode that needs no replication, Lua or cluster, and what the
 * others say. Each run has a time limit; modes without an end are ended by it.
 */
import { spawn } from 'node:child_process'

const LIMIT_MS = 120_000

export interface CliRun {
  readonly status: number | null
  /** Standard output, then standard error. */
  readonly text: string
}

export interface CliOptions {
  readonly input?: string | Buffer
  /** The input is typed when the output has this; a terminal drops what comes earlier. */
  readonly prompt?: RegExp
  /** Ends the program as soon as its output has this. */
  readonly enough?: RegExp
}

/** Runs a program to its end, to `enough`, or to the limit. */
export function runTool(program: string, args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    // Without an end, what is printed must not stay in the program's buffer.
    const words = options.enough === undefined ? [program, ...args] : ['stdbuf', '-oL', program, ...args]
    const child = spawn(words[0] as string, words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] })
    const [out, err] = [collect(child.stdout), collect(child.stderr)]
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    let isTyped = false
    child.stdout.on('data', () => {
      if (!isTyped && options.prompt?.test(out()) === true) {
        isTyped = true
        child.stdin.write(options.input ?? '')
      }
      if (options.enough?.test(out()) === true) child.kill('SIGKILL')
    })
    child.stdin.on('error', () => {})
    child.once('error', reject)
    child.once('close', (status) => {
      clearTimeout(limit)
      resolve({ status, text: out() + err() })
    })
    if (options.enough === undefined) child.stdin.end(options.input ?? '')
  })
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}
