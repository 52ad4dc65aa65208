/** Failed starts: what the system really says, told with the setting that asked for it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { RealDisk } from './seams/real-disk.ts'
import { type FailingConfig, startFailure } from './start-failure.ts'

const usual: FailingConfig = {
  host: '127.0.0.1',
  redisPort: 6379,
  httpPort: 8080,
  peerPort: 9090,
  onePort: false,
  hasPeerPort: true,
  data: './kvorum-data',
}

function listen(host: string, port: number): Promise<Error> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', resolve)
    server.listen({ host, port }, () => server.close(() => reject(new Error('it listens'))))
  })
}

test('a port in use is told with its setting and the way out', async (t) => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  t.after(() => holder.close())
  const { port } = holder.address() as AddressInfo
  const error = await listen('127.0.0.1', port)
  const text = (config: Partial<FailingConfig>): string => startFailure(error, { ...usual, ...config })
  const inUse = `another process uses that port; stop it, or take another port (EADDRINUSE)`
  assert.equal(text({ redisPort: port }), `Cannot listen on 127.0.0.1:${port} (--redis-port): ${inUse}`)
  assert.equal(text({ httpPort: port }), `Cannot listen on 127.0.0.1:${port} (--http-port): ${inUse}`)
  assert.equal(text({ peerPort: port }), `Cannot listen on 127.0.0.1:${port} (--peer-port): ${inUse}`)
  assert.match(text({ httpPort: port, onePort: true }), /\(--addr\)/)
})

test('an address that is not of this machine is told as --host', async () => {
  // 192.0.2.0/24 is kept for documentation (RFC 5737): no machine has it.
  const error = await listen('192.0.2.1', 0)
  assert.match(
    startFailure(error, { ...usual, host: '192.0.2.1' }),
    /^Cannot listen on 192.0.2.1.* \(--host\): it is no/,
  )
})

test('a data folder that cannot be made is told with what is in its way', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-start-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'file'), '')
  for (const data of [join(folder, 'file'), join(folder, 'file', 'deep')]) {
    const text = startFailure(await makeFolder(data), { ...usual, data })
    assert.ok(text.startsWith(`Cannot use ${data} (--data): a file is in its place (`), text)
  }
})

test('below a folder that takes no folders, making one ends', {
  skip: process.platform !== 'linux',
}, async () => {
  const data = '/proc/kvorum/data'
  const text = startFailure(await makeFolder(data), { ...usual, data })
  assert.match(
    text,
    /^Cannot use \/proc\/kvorum\/data \(--data\): it does not exist and cannot be made there/,
  )
})

test('any other error is told in its own words', () => {
  assert.equal(
    startFailure(new Error('LOCKED: data folder x is in use'), usual),
    'LOCKED: data folder x is in use',
  )
})

function makeFolder(folder: string): Promise<Error> {
  const disk = new RealDisk()
  return new Promise((resolve, reject) => {
    disk.makeFolder(folder, (error) => {
      disk.close()
      if (error === null) reject(new Error(`${folder} was made`))
      else resolve(error)
    })
  })
}
