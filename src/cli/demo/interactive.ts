/** `kvorum demo interactive`: a prompt with the verbs of KV-Store's own example client. */
import { createInterface } from 'node:readline'
import type { JsonValue, KVStoreClient } from '../../client/compat/kv-store-client.ts'
import { print } from '../exit.ts'
import type { Stage } from './stage.ts'

const HELP = 'Commands: set KEY VALUE, get KEY, delete KEY, status, ping, help, quit'

type Verb = (client: KVStoreClient, key: string, value: string) => Promise<unknown> | string

const verbs: Readonly<Record<string, Verb>> = {
  set: (client, key, value) =>
    key === '' || value === '' ? 'Usage: set KEY VALUE' : client.set(key, parsed(value)),
  get: (client, key) => (key === '' ? 'Usage: get KEY' : client.get(key)),
  delete: (client, key) => (key === '' ? 'Usage: delete KEY' : client.delete(key)),
  status: (client) => client.status(),
  ping: (client) => client.ping(),
  help: () => HELP,
}

/** Reads lines until `quit` or the end of the input. */
export async function runInteractive(stage: Stage): Promise<void> {
  const client = stage.client()
  await client.connect()
  print(HELP)
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ' })
  try {
    lines.prompt()
    for await (const line of lines) {
      if (line.trim() === 'quit') break
      if (line.trim() !== '') print(await answer(client, line.trim()))
      lines.prompt()
    }
  } finally {
    lines.close()
    client.disconnect()
  }
}

async function answer(client: KVStoreClient, line: string): Promise<string> {
  const [, name = '', key = '', value = ''] = /^(\S+)\s*(\S*)\s*(.*)$/.exec(line) ?? []
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (verb === undefined) return `Unknown command: ${name}. ${HELP}`
  const result = await verb(client, key, value)
  return typeof result === 'string' ? result : JSON.stringify(result)
}

/** JSON where it is JSON, else the text itself. */
function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}
