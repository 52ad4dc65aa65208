/**
 * `kvorum shell`: one line, one command, one reply. On a terminal with prompt, history and completion; on a pipe bare
 * replies, and exit status 1 when one of them was an error.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { type Connection, ConnectionError } from '../client/connection.ts'
import type { Reply } from '../client/reply.ts'
import { splitInline } from '../frontends/resp/inline.ts'
import { fetchStatus } from './cluster/probe.ts'
import { exitCodes, note, print, printError } from './exit.ts'
import { bareReply, formatReply } from './format-reply.ts'
import { loadHistory, saveHistory } from './shell-history.ts'
import { connectTarget, type TargetOptions } from './target.ts'

const QUIT_WORDS = new Set(['quit', 'exit'])
const HELP = `Type a command as in redis-cli, e.g. SET greeting "hello, world"
  STATUS          the node you are talking to        KVORUM STATUS   everything it knows, as JSON
  SELECT 2        use another database               quit            leave
Tab completes command names; the * in the prompt marks the leader.`

export async function runShell(target: TargetOptions): Promise<void> {
  const shell = new Shell(target)
  await shell.connect()
  if (process.stdin.isTTY === true) await shell.interact()
  else await shell.obeyPipe()
  shell.close()
}

class Shell {
  readonly #target: TargetOptions
  #connection: Connection | null = null
  #commandNames: string[] = []
  #node = ''
  #isLeader = false
  #database = 0
  #inTransaction = false

  constructor(target: TargetOptions) {
    this.#target = target
  }

  async connect(): Promise<void> {
    this.#connection = await connectTarget(this.#target, { onPush: (reply) => print(formatReply(reply)) })
    this.#database = this.#connection.url.database
    this.#inTransaction = false
  }

  close(): void {
    this.#connection?.close()
  }

  async interact(): Promise<void> {
    await this.#learnCommands()
    const historyFile = join(homedir(), '.kvorum_history')
    const lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      history: loadHistory(historyFile),
      historySize: 500,
      removeHistoryDuplicates: true,
      completer: (line: string) => this.#complete(line),
    })
    lines.on('history', (history) => saveHistory(historyFile, history))
    lines.on('SIGINT', () => lines.close())
    await this.#prompt(lines)
    for await (const line of lines) {
      if (QUIT_WORDS.has(line.trim().toLowerCase())) break
      if (line.trim().toLowerCase() === 'help') print(HELP)
      else await this.#obey(line, formatReply)
      await this.#prompt(lines)
    }
    lines.close()
  }

  async obeyPipe(): Promise<void> {
    for await (const line of createInterface({ input: process.stdin })) {
      if (QUIT_WORDS.has(line.trim().toLowerCase())) return
      const reply = await this.#obey(line, bareReply)
      if (reply?.kind === 'error') process.exitCode = exitCodes.failed
    }
  }

  /** Runs a line and prints its reply. A connection that failed is told of, and the next line gets a new one. */
  async #obey(line: string, format: (reply: Reply) => string): Promise<Reply | null> {
    const words = splitInline(Buffer.from(line))
    if (words === null) {
      note('error: a quote is not closed')
      return null
    }
    if (words.length === 0) return null
    try {
      const reply = await this.#send(words)
      print(format(reply))
      this.#follow(words, reply)
      return reply
    } catch (error) {
      printError(error)
      if (process.stdin.isTTY !== true) throw error
      return null
    }
  }

  async #send(words: readonly Buffer[]): Promise<Reply> {
    if (this.#connection === null || this.#connection.closed) {
      await this.connect()
      note('connected again')
    }
    if (this.#connection === null) throw new ConnectionError('closed', 'not connected', false)
    return this.#connection.send(words)
  }

  /** Keeps what the prompt shows in step with the connection's state. */
  #follow(words: readonly Buffer[], reply: Reply): void {
    if (reply.kind === 'error') return
    const name = words[0]?.toString().toLowerCase() ?? ''
    if (name === 'select') this.#database = Number(words[1]?.toString())
    if (name === 'multi') this.#inTransaction = true
    if (name === 'exec' || name === 'discard' || name === 'reset') this.#inTransaction = false
    if (name === 'reset') this.#database = 0
  }

  async #prompt(lines: Interface): Promise<void> {
    // Inside MULTI a question of ours would be queued with the user's commands.
    if (!this.#inTransaction) await this.#refresh()
    const port = this.#connection?.url.port ?? ''
    const leader = this.#isLeader ? '*' : ''
    const transaction = this.#inTransaction ? '(TX)' : ''
    const state = this.#connection?.closed === false ? '' : ' (not connected)'
    lines.setPrompt(`${this.#node}${leader}:${port}[${this.#database}]${transaction}${state}> `)
    lines.prompt()
  }

  async #refresh(): Promise<void> {
    if (this.#connection === null || this.#connection.closed) return
    try {
      const status = await fetchStatus(this.#connection)
      if (this.#isLeader && status.role !== 'leader' && status.leader !== '')
        note(`leader moved to ${status.leader}`)
      this.#node = status.name
      this.#isLeader = status.role === 'leader'
    } catch {
      this.#node = this.#node || this.#connection.url.host
    }
  }

  async #learnCommands(): Promise<void> {
    try {
      const reply = await this.#connection?.send(['COMMAND', 'LIST'])
      if (reply?.kind === 'array') this.#commandNames = reply.items.map(bareReply).sort()
    } catch (error) {
      printError(error)
    }
  }

  #complete(line: string): [string[], string] {
    if (line.includes(' ')) return [[], line]
    const isUpper = line === line.toUpperCase()
    const names = this.#commandNames.map((name) => (isUpper ? name.toUpperCase() : name))
    return [names.filter((name) => name.startsWith(line)), line]
  }
}
