/** `kvorum get|set|del`: one command each, raw values in and out, exit statuses for scripts. */
import { type Command, Option } from 'commander'
import type { Argument, Connection } from '../client/connection.ts'
import { type Reply, replyText } from '../client/reply.ts'
import { CliError, exitCodes, print } from './exit.ts'
import { connectTarget, type TargetOptions } from './target.ts'
import { targetOf, wholeNumber, withExamples } from './verb.ts'

export function addDataCommands(program: Command): void {
  addGet(program)
  addSet(program)
  addDelete(program)
}

function addGet(program: Command): void {
  const get = program
    .command('get <key>')
    .description('Print the value of a key; exit status 3 when there is none.')
    .option('-r, --raw', 'Exactly the bytes of the value, without a line end.')
    .action(async (key: string, options: { raw?: boolean }, command: Command) => {
      const reply = await ask(targetOf(command), 'GET', key)
      if (reply.kind === 'null') throw new CliError(exitCodes.notFound, `There is no key '${key}'`)
      process.stdout.write(reply.kind === 'bulk' ? reply.bytes : (replyText(reply) ?? ''))
      if (options.raw !== true) process.stdout.write('\n')
    })
  withExamples(get, [
    'kvorum get greeting',
    'kvorum -n node3 get greeting',
    'kvorum get picture --raw > picture.png',
  ])
}

interface SetOptions {
  readonly ttl?: number
  readonly nx?: boolean
  readonly xx?: boolean
}

function addSet(program: Command): void {
  const set = program
    .command('set <key> <value>')
    .description(
      "Write a key; '-' reads the value from standard input. Done means: on the disks of a majority.",
    )
    .addOption(new Option('--ttl <SECONDS>', 'Let the key expire.').argParser(wholeNumber(1)))
    .addOption(new Option('--nx', 'Only when the key does not exist.').conflicts('xx'))
    .option('--xx', 'Only when the key exists.')
    .action(async (key: string, text: string, options: SetOptions, command: Command) => {
      const value = text === '-' ? await readStandardInput() : text
      const reply = await ask(targetOf(command), 'SET', key, value, ...setArguments(options))
      if (reply.kind !== 'null') return print(replyText(reply) ?? '')
      const state = options.nx === true ? 'exists already' : 'does not exist'
      throw new CliError(exitCodes.precondition, `Nothing was written: '${key}' ${state}`)
    })
  withExamples(set, [
    'kvorum set greeting "hello, world"',
    'kvorum set session:42 data --ttl 3600',
    'kvorum set picture - < picture.png',
  ])
}

function setArguments(options: SetOptions): Argument[] {
  const words: Argument[] = []
  if (options.ttl !== undefined) words.push('EX', options.ttl)
  if (options.nx === true) words.push('NX')
  if (options.xx === true) words.push('XX')
  return words
}

function addDelete(program: Command): void {
  const del = program
    .command('del <key...>')
    .description('Delete keys; prints how many existed.')
    .action(async (keys: string[], _options: object, command: Command) => {
      print(replyText(await ask(targetOf(command), 'DEL', ...keys)) ?? '')
    })
  withExamples(del, ['kvorum del greeting', 'kvorum del a b c'])
}

/** One command on a connection of its own. */
export async function ask(target: TargetOptions, name: string, ...args: Argument[]): Promise<Reply> {
  return withConnection(target, (connection) => connection.command(name, ...args))
}

export async function withConnection<T>(
  target: TargetOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connectTarget(target)
  try {
    return await work(connection)
  } finally {
    connection.close()
  }
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
