/**
 * A machine of the test's own, made of Linux namespaces: every port is free, the addresses 10.0.0.1 to 10.0.0.3 are its
 * own, /etc is a copy, /run and /var/lib are empty, and its home is a built checkout. So documents are run as they are
 * written. What is large is mounted read-only, everything else is in memory; all of it, and everything that runs there,
 * ends with its first process, which ends with this one. Linux, iproute2 and the right to make namespaces only.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Place } from './shell.ts'

/** $1 = an empty folder, which becomes the machine's disk; $2 = the checkout, $3 = its compiled code; $4 = node. */
const SETUP = `set -e
mount -t tmpfs tmpfs "$1"
mkdir -p "$1/home/dist" "$1/home/node_modules" "$1/programs" "$1/scratch"
for name in bin deploy scripts kv-cli.sh package.json; do cp -r "$2/$name" "$1/home/"; done
mount --bind -o ro "$3" "$1/home/dist"
mount --bind -o ro "$2/node_modules" "$1/home/node_modules"
cp -r --preserve=mode /etc "$1/etc" 2>"$1/scratch/unreadable" || true
mount --bind "$1/etc" /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
ip link set lo up
for i in 1 2 3; do ip address add "10.0.0.$i/32" dev lo; done
printf '#!/bin/sh\\nexec "%s" "%s/home/bin/kvorum.js" "$@"\\n' "$4" "$1" > "$1/programs/kvorum"
printf '#!/bin/sh\\nexec /usr/bin/redis-cli --no-raw "$@"\\n' > "$1/programs/redis-cli"
chmod +x "$1/programs/"*
echo ready
while read -r _; do :; done`

interface Way {
  /** Options of unshare, and those of nsenter that belong to them. */
  readonly own: readonly string[]
  readonly enter: readonly string[]
}

/** Anyone may make a machine with users of its own, unless that is forbidden; then root may make one without. */
const WAYS: readonly Way[] = [
  { own: ['--map-root-user'], enter: ['--user', '--preserve-credentials'] },
  { own: [], enter: [] },
]
const OWN = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child']

/** Folders of which the machine has its own. */
const HIDDEN = /^\/(run|var\/lib|etc)\//

type Init = ChildProcessByStdio<Writable, Readable, Readable>

export interface MachineOptions {
  /** The checkout. */
  readonly root: string
  /** The folder of its compiled code. */
  readonly dist: string
}

export class Machine implements Place {
  readonly prefix: readonly string[]
  readonly folder: string
  readonly scratch: string
  readonly path: readonly string[]
  readonly #init: Init
  readonly #disk: string

  private constructor(init: Init, disk: string, enter: readonly string[]) {
    this.#init = init
    this.#disk = disk
    this.folder = join(disk, 'home')
    this.scratch = join(disk, 'scratch')
    this.path = [join(disk, 'programs')]
    // unshare itself stays outside of the new process ids; only its children are in.
    const processes = `--pid=/proc/${init.pid}/ns/pid_for_children`
    this.prefix = ['nsenter', `--target=${init.pid}`, ...enter, '--net', '--mount', processes, '--']
  }

  /** Throws when this machine does not let us. */
  static async start(options: MachineOptions): Promise<Machine> {
    const { root, dist } = options
    if (HIDDEN.test(`${dist}/`)) throw new Error(`${dist} is in a folder that the machine has of its own`)
    const problems: string[] = []
    for (const { own, enter } of WAYS) {
      const disk = mkdtempSync(join(tmpdir(), 'kvorum-docs-'))
      const args = [...own, ...OWN, 'bash', '-c', SETUP, 'setup', disk, root, dist, process.execPath]
      const init = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] })
      const machine = new Machine(init, disk, enter)
      const problem = await ready(init)
      if (problem === null) return machine
      problems.push(problem)
      await machine.close()
    }
    throw new Error(`Cannot have a machine of the test's own: ${problems.join('; ')}`)
  }

  /** Ends everything that runs there. */
  async close(): Promise<void> {
    if (this.#init.exitCode === null && this.#init.signalCode === null && this.#init.pid !== undefined) {
      const closed = new Promise((resolve) => this.#init.once('close', resolve))
      this.#init.kill('SIGKILL')
      await closed
    }
    rmdirSync(this.#disk)
  }
}

/** Waits until the machine is set up; the result is null, or why it is not. */
function ready(init: Init): Promise<string | null> {
  return new Promise((resolve) => {
    let said = ''
    const keep = (chunk: Buffer): void => {
      said += chunk.toString()
      if (said.endsWith('ready\n')) resolve(null)
    }
    init.stdout.on('data', keep)
    init.stderr.on('data', keep)
    init.on('error', (error) => resolve(error.message))
    init.on('close', () => resolve(said.trim()))
  })
}

/** Why no machine of its own can be had here; null when it can. In CI this is never a reason to skip. */
export async function lacksMachine(options: MachineOptions): Promise<string | null> {
  if (process.env.CI !== undefined) return null
  try {
    await (await Machine.start(options)).close()
    return null
  } catch (error) {
    return (error as Error).message
  }
}
