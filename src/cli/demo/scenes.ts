/** The scenes of `kvorum demo`: each shows one property of a primary/secondary cluster and checks every answer. */
import type { JsonValue, KVStoreClient } from '../../client/compat/kv-store-client.ts'
import { Connection } from '../../client/connection.ts'
import { parseServerUrl } from '../../client/url.ts'
import { print } from '../exit.ts'
import { clientPassword } from '../target.ts'
import type { Stage } from './stage.ts'

type Scene = (stage: Stage, client: KVStoreClient) => Promise<void>

const WRITERS = 3
const KEYS_EACH = 10

export const scenes: Readonly<Record<string, Scene>> = { basic, replication, types, restrictions, concurrent }

/** Runs one scene, or every one for 'all'. */
export async function runScenes(stage: Stage, wanted: string): Promise<void> {
  const client = stage.client()
  await client.connect()
  try {
    for (const [name, scene] of Object.entries(scenes)) {
      if (wanted !== 'all' && wanted !== name) continue
      print(`\n=== ${name} ===`)
      await scene(stage, client)
    }
  } finally {
    client.disconnect()
  }
}

async function basic(stage: Stage, client: KVStoreClient): Promise<void> {
  stage.check('ping()', await client.ping(), { status: 'OK', message: 'PONG' })
  stage.check("set('name', 'Alice')", await client.set('name', 'Alice'), {
    status: 'OK',
    message: "Key 'name' set",
  })
  stage.check("get('name')", await client.get('name'), { status: 'OK', value: 'Alice' })
  stage.check("delete('name')", await client.delete('name'), { status: 'OK' })
  stage.check("get('name')", await client.get('name'), { status: 'ERROR', message: "Key 'name' not found" })
  const status = await client.status()
  stage.check('status()', status.status === 'OK' ? status.role : status.message, 'primary')
}

/** Secondaries refuse this protocol's reads; a Redis client may read on any node, and sees what was just written. */
async function replication(stage: Stage, client: KVStoreClient): Promise<void> {
  for (let i = 1; i <= 3; i++) await client.set(`replicated-${i}`, `value-${i}`)
  for (const { node_id, address } of await stage.nodes()) {
    const connection = await Connection.open(parseServerUrl(address), { password: clientPassword() })
    try {
      for (let i = 1; i <= 3; i++) {
        const reply = await connection.command('GET', `replicated-${i}`)
        stage.check(
          `replicated-${i} on ${node_id}`,
          reply.kind === 'bulk' ? reply.bytes.toString() : null,
          `value-${i}`,
        )
      }
    } finally {
      connection.close()
    }
  }
  for (let i = 1; i <= 3; i++) await client.delete(`replicated-${i}`)
}

async function types(stage: Stage, client: KVStoreClient): Promise<void> {
  const values: Readonly<Record<string, JsonValue>> = {
    string: 'hello world',
    digits: '42',
    integer: 42,
    float: 3.14,
    boolean: true,
    list: [1, 2, 3, 'four'],
    object: { user: { name: 'Bob', tags: ['a', 'b'] }, active: false },
  }
  for (const [name, value] of Object.entries(values)) {
    await client.set(`type-${name}`, value)
    stage.check(name, await client.get(`type-${name}`), { status: 'OK', value })
    await client.delete(`type-${name}`)
  }
}

async function restrictions(stage: Stage): Promise<void> {
  const refused = (what: string) => ({
    status: 'ERROR',
    message: `This node is not primary. ${what} not allowed.`,
  })
  for (const { node_id, address, role } of await stage.nodes()) {
    if (role === 'primary') continue
    stage.check(`SET on ${node_id}`, JSON.parse(await stage.ask(address, 'SET a 1')), refused('Writes'))
    stage.check(`GET on ${node_id}`, JSON.parse(await stage.ask(address, 'GET a')), refused('Reads'))
    stage.check(`DELETE on ${node_id}`, JSON.parse(await stage.ask(address, 'DELETE a')), refused('Deletes'))
  }
}

async function concurrent(stage: Stage): Promise<void> {
  const written = await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeKeys(stage, writer)))
  stage.check(`${WRITERS} clients, ${KEYS_EACH} keys each: written`, sum(written), WRITERS * KEYS_EACH)
  const client = stage.client()
  await client.connect()
  let found = 0
  for (let writer = 0; writer < WRITERS; writer++) {
    for (let i = 0; i < KEYS_EACH; i++) {
      const reply = await client.get(`writer-${writer}-${i}`)
      if (reply.status === 'OK' && reply.value === i) found++
      await client.delete(`writer-${writer}-${i}`)
    }
  }
  client.disconnect()
  stage.check('read back', found, WRITERS * KEYS_EACH)
}

async function writeKeys(stage: Stage, writer: number): Promise<number> {
  const client = stage.client()
  await client.connect()
  let written = 0
  for (let i = 0; i < KEYS_EACH; i++) {
    if ((await client.set(`writer-${writer}-${i}`, i)).status === 'OK') written++
  }
  client.disconnect()
  return written
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
