/** A shell as one reader has it: commands one after the other, with what was exported and where one went kept. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

const LIMIT_MS = 300_000
const KEPT_OUTPUT = 256 * 1024

let shells = 0

/** Where commands run. */
export interface Place {
  /** Program and arguments that run `bash` there. */
  readonly prefix: readonly string[]
  /** Where a shell begins. */
  readonly folder: string
  /** For a shell's own files; must exist there, and lie outside `folder`. */
  readonly scratch: string
  /** Folders searched for programs before all others. */
  readonly path: readonly string[]
}

export interface ShellResult {
  /** 1 when a signal ended it. */
  readonly status: number
  /** Without the last line end and the CRs of HTTP's headers. */
  readonly stdout: string
  readonly stderr: string
}

export class Shell {
  readonly #place: Place
  readonly #state: string

  constructor(place: Place) {
    this.#place = place
    this.#state = join(place.scratch, `shell-${++shells}`)
  }

  /** Runs a script to its end; what it exports, and where it goes, holds for the next one. */
  run(script: string): Promise<ShellResult> {
    const child = this.#spawn(
      `trap '{ export -p; printf "cd %q\\n" "$PWD"; } > ${this.#state}' EXIT\n${script}`,
    )
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (status) => {
        clearTimeout(timer)
        resolve({ status: status ?? 1, stdout: stdout(), stderr: stderr() })
      })
    })
  }

  /** Runs a script that goes on, as it is in this shell now, in a terminal of its own. */
  open(script: string): Terminal {
    return new Terminal(script, this.#spawn(script))
  }

  #spawn(script: string): ChildProcess {
    const { prefix, folder, path } = this.#place
    const [program = '', ...args] = [...prefix, 'bash', '-c']
    const begin = `cd ${folder}\n[ ! -e ${this.#state} ] || . ${this.#state}`
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: [...path, process.env.PATH].join(':') }
    for (const name of Object.keys(env)) if (/^(KVORUM_|REDISCLI_|CLUSTER_|KV_)/.test(name)) delete env[name]
    return spawn(program, [...args, `${begin}\n${script}`], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  }
}

/** It ends with the machine that it runs on. */
export class Terminal {
  readonly script: string
  #hasEnded = false
  readonly #stdout: () => string
  readonly #stderr: () => string

  constructor(script: string, child: ChildProcess) {
    this.script = script
    child.on('close', () => {
      this.#hasEnded = true
    })
    this.#stdout = collect(child.stdout)
    this.#stderr = collect(child.stderr)
  }

  /** Nothing more is to be expected of it, and all that it printed is here. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get stdout(): string {
    return this.#stdout()
  }

  /** Of both streams, one behind the other. */
  get output(): string {
    return `${this.#stdout()}\n${this.#stderr()}`
  }
}

/** Keeps what a child prints to a stream; the result reads it. */
function collect(stream: Readable | null): () => string {
  let output = ''
  stream?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-KEPT_OUTPUT)
  })
  return () => output.replaceAll('\r', '').trimEnd()
}
