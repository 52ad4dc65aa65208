/**
 * Runs the blocks of a document in the order in which a reader would: commands in one shell, what goes on in terminals,
 * files where the document puts them. The first thing that is not as the document says is thrown, with its place.
 */
import assert from 'node:assert/strict'
import { until } from '../processes/wait.ts'
import { type Block, patternOf, stepsOf } from './blocks.ts'
import { exampleScript } from './example-script.ts'
import { type Place, Shell, type Terminal } from './shell.ts'

export interface PageOptions {
  /** Run by the test before the document begins: what its reader has already. */
  readonly before?: string
  /** What a script in a terminal is on the other machines of the reader's cluster. */
  readonly elsewhere?: (script: string) => readonly string[]
  /** Which blocks are run; when not said, those of which the function of this name says so. */
  readonly isRunnable?: (block: Block) => boolean
}

/** On a busy machine a leader stays the leader, unless the page ends it. */
const STEADY = 'export KVORUM_ELECTION_TIMEOUT_MS=1500'

/** Whether running the page does something with this block; the long ones are for npm run test:deploy. */
export function isRunnable({ language, marks }: Block): boolean {
  const isLeftOut = marks.some((mark) => ['checkout', 'docker'].includes(mark))
  if (isLeftOut || (marks.includes('deploy') && process.env.KVORUM_LONG_DOCUMENTS === undefined)) return false
  return ['console', 'sh', 'ts', 'toml', 'yaml', 'lua'].includes(language)
}

/** Runs all of `blocks`, which are of one page. */
export async function runPage(place: Place, blocks: readonly Block[], options: PageOptions): Promise<void> {
  const run = new PageRun(new Shell(place), options)
  try {
    await run.script(`${STEADY}\n${options.before ?? ''}`, 'before the page')
    for (const block of blocks.filter(options.isRunnable ?? isRunnable)) await run.block(block)
    await run.finish()
  } catch (error) {
    process.stderr.write(run.terminals())
    throw error
  }
}

interface Shown {
  readonly terminal: Terminal
  /** '' = it shows nothing in the document, and must go on. */
  readonly wanted: string
  readonly where: string
}

class PageRun {
  readonly #shell: Shell
  readonly #options: PageOptions
  readonly #shown: Shown[] = []

  constructor(shell: Shell, options: PageOptions) {
    this.#shell = shell
    this.#options = options
  }

  async block(block: Block): Promise<void> {
    const where = `${block.page}:${block.line}`
    const { language, text } = block
    if (block.marks.includes('terminal')) return this.#open(block, where)
    if (language === 'console') return this.#steps(text, where)
    if (language === 'sh') return this.script(text, where)
    if (language === 'ts') return this.script(exampleScript(text), where)
    const name = /^(?:#|--) ([\w./-]+\.(?:toml|ya?ml|lua))\b/.exec(text)?.[1]
    assert.ok(name !== undefined, `${where}: its first line does not say which file it is`)
    await this.script(fileScript(name, text), where)
    if (language === 'yaml') await this.script(`promtool check config ${name}`, where)
  }

  /** A script whose every command must succeed. */
  async script(text: string, where: string): Promise<void> {
    const { status, stdout, stderr } = await this.#shell.run(`set -e\n${text}`)
    const isRefused = /^\(error\)/m.test(stdout)
    assert.ok(
      status === 0 && !isRefused,
      `${where} ended with status ${status}:\n${text}\n${stdout}\n${stderr}`,
    )
  }

  /** What the terminals show in the end must be what the document shows. */
  async finish(): Promise<void> {
    for (const { terminal, wanted, where } of this.#shown) {
      if (wanted === '') assert.ok(!terminal.hasEnded, `${where} has ended:\n${terminal.output}`)
      else await this.#shows({ terminal, wanted, where })
    }
  }

  terminals(): string {
    return this.#shown.map(({ terminal }) => `--- ${terminal.script}\n${terminal.output}\n`).join('')
  }

  async #steps(text: string, where: string): Promise<void> {
    for (const { command, wanted } of stepsOf(text)) {
      const { status, stdout, stderr } = await this.#shell.run(command)
      const all = `${stdout}\n${stderr}`.trim()
      // What goes to stderr may be no more than that something takes its time. A silent command must succeed.
      const isShown =
        [stdout, all].some((output) => patternOf(wanted).test(output)) && (wanted !== '' || status === 0)
      assert.ok(isShown, `${where} shows something else:\n$ ${command}\n${all}\n--- wanted:\n${wanted}`)
    }
  }

  async #open({ language, text }: Block, where: string): Promise<void> {
    const steps = language === 'console' ? stepsOf(text) : [{ command: text, wanted: '' }]
    const first = this.#shown.length
    for (const { command, wanted } of steps) {
      for (const script of [command, ...(this.#options.elsewhere?.(command) ?? [])]) {
        const shown = { terminal: this.#shell.open(script), wanted, where }
        this.#shown.push(shown)
        if (wanted !== '') await this.#shows({ ...shown, wanted: wanted.split('\n...\n')[0] ?? '' })
      }
    }
    for (const { terminal } of this.#shown.slice(first)) await this.#ready(terminal, where)
  }

  /** Before the next command it must show what the document shows up to a line of dots, and the rest in the end. */
  async #shows({ terminal, wanted, where }: Shown): Promise<void> {
    const pattern = patternOf(wanted)
    await ofTerminal(terminal, `${where} to show\n${wanted}`, () => pattern.test(terminal.stdout))
  }

  /** A node has started when it is ready, another server when it listens. */
  async #ready(terminal: Terminal, where: string): Promise<void> {
    const [, server] = /^(haproxy|prometheus) /m.exec(terminal.script) ?? []
    if (server !== undefined) {
      const listening = `ss -ltnpH | grep -q '"${server}"'`
      await ofTerminal(terminal, listening, async () => (await this.#shell.run(listening)).status === 0)
    }
    if (!/\bkvorum start\b/.test(terminal.script)) return
    await ofTerminal(terminal, `${where}: open doors`, () => readyUrl(terminal) !== null)
    const look = `curl -sSk --max-time 5 ${readyUrl(terminal)}`
    await ofTerminal(
      terminal,
      `${where}: a ready node`,
      async () => (await this.#shell.run(look)).stdout === 'ok',
    )
  }
}

/** Where a node tells whether it is ready, from its log; null while its doors are closed. */
function readyUrl(terminal: Terminal): string | null {
  const [, line] = /^(\{.*"message":"Doors are open".*\})$/m.exec(terminal.output) ?? []
  if (line === undefined) return null
  const { host, httpPort } = JSON.parse(line) as { host: string; httpPort: number }
  const scheme = terminal.output.includes('"message":"TLS is on"') ? 'https' : 'http'
  return `${scheme}://${host}:${httpPort}/readyz`
}

/** Waits until `look` finds something; a terminal that has ended before fails the page at once. */
async function ofTerminal(
  terminal: Terminal,
  what: string,
  look: () => boolean | Promise<boolean>,
): Promise<void> {
  const found = await until(what, async () => ((await look()) ? 'it' : terminal.hasEnded && 'the end'))
  assert.equal(found, 'it', `waited for ${what}, has ended: ${terminal.script}\n${terminal.output}`)
}

function fileScript(name: string, text: string): string {
  return `cat > ${name} <<'END-OF-FILE'\n${text}END-OF-FILE`
}
