/** SCAN's pages over a store, and what is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limits } from '../protocol/limits.ts'
import { arrayReply, bulkReply } from '../protocol/reply.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { isScan, parseScanCursor, type ScanPlan, scanCommand, scanPage, scanPlan } from './scan.ts'

/** Runs SCAN to its end; the pages' keys. */
function scan(client: EngineClient, ...options: Word[]): string[][] {
  const pages: string[][] = []
  let resume: Buffer | null = Buffer.alloc(0)
  while (resume !== null) {
    const reply: Buffer = page(client, resume, options)
    const elements = strings(reply)
    // A null resume key is not among the strings.
    const isLast: boolean = reply.toString('latin1').startsWith('*2\r\n$-1\r\n')
    pages.push(elements.slice(isLast ? 0 : 1))
    resume = isLast ? null : Buffer.from(elements[0] as string, 'latin1')
  }
  return pages
}

function page(client: EngineClient, resume: Buffer, options: readonly Word[]): Buffer {
  const args = options.map((word) => Buffer.from(String(word), 'latin1'))
  const plan = scanPlan(client.engine, scanCommand(client.database, resume, args))
  assert(!Buffer.isBuffer(plan), String(plan))
  return scanPage(plan, client.store.range(plan.from, plan.to, plan.limit), client.nowMs)
}

/** Every string in a reply, in order. */
function strings(reply: Buffer): string[] {
  const found: string[] = []
  let at = 0
  while (at < reply.length) {
    const line = reply.indexOf('\r\n', at)
    const size = Number(reply.toString('latin1', at + 1, line))
    const isString = reply[at] === 0x24 && size >= 0
    if (isString) found.push(reply.toString('latin1', line + 2, line + 2 + size))
    at = isString ? line + size + 4 : line + 2
  }
  return found
}

function fill(count: number): EngineClient {
  const client = new EngineClient()
  for (let i = 0; i < count; i++) client.run('SET', `key:${String(i).padStart(3, '0')}`, 'x')
  return client
}

describe('SCAN', () => {
  test('gives every key once, in pages of COUNT', () => {
    const client = fill(25)
    const pages = scan(client)
    assert.deepEqual(
      pages.map((keys) => keys.length),
      [10, 10, 5],
    )
    assert.equal(new Set(pages.flat()).size, 25)
    assert.deepEqual(scan(client, 'COUNT', 7).flat(), pages.flat())
    assert.equal(scan(client, 'count', '9223372036854775807').length, 1)
  })

  test('ends with an empty page when the last one was full', () => {
    assert.deepEqual(
      scan(fill(20)).map((keys) => keys.length),
      [10, 10, 0],
    )
    assert.deepEqual(scan(fill(0)), [[]])
  })

  test('gives the empty key and keys of any bytes', () => {
    const client = new EngineClient()
    const keys = ['', '\0', '\0\0', 'a', 'a\0', '\xff', '\xff\xff']
    for (const key of keys) client.run('SET', key, 'x')
    assert.deepEqual(scan(client, 'COUNT', 1).flat(), keys)
  })

  test('keeps to its database, and goes on in the new one after a flush', () => {
    const client = fill(12)
    client.database = 1
    assert.deepEqual(scan(client), [[]])
    client.run('SET', 'other', 'x')
    assert.deepEqual(scan(client), [['other']])
    client.database = 0
    client.run('FLUSHALL')
    client.run('MSET', 'key:000', 'x', 'key:500', 'x')
    assert.deepEqual(strings(page(client, Buffer.from('key:009\0'), [])), ['key:500'])
  })

  test('MATCH and TYPE filter what COUNT looked at', () => {
    const client = fill(25)
    assert.deepEqual(scan(client, 'MATCH', 'key:01?'), [[], scan(client)[1], []])
    assert.deepEqual(scan(client, 'MATCH', '*', 'TYPE', 'String').flat().length, 25)
    assert.deepEqual(scan(client, 'TYPE', 'hash').flat(), [])
    client.run('SET', '', 'x')
    assert(scan(client, 'MATCH', '*').flat().includes(''))
  })

  test('R12: leaves out keys that are due', () => {
    const client = fill(3)
    client.run('PEXPIRE', 'key:001', '10')
    assert.equal(scan(client).flat().length, 3)
    client.nowMs += 10
    assert.deepEqual(scan(client).flat(), ['key:000', 'key:002'])
  })

  test('looks at no more than limits.scanRows keys at once', () => {
    const plan = scanPlan(new EngineClient().engine, command('COUNT', '999999')) as ScanPlan
    assert.equal(plan.limit, limits.scanRows)
  })

  test('refuses wrong options as Redis does', () => {
    const { engine } = new EngineClient()
    const syntax = '-ERR syntax error\r\n'
    const integer = '-ERR value is not an integer or out of range\r\n'
    for (const [options, reply] of [
      [['COUNT'], syntax],
      [['COUNT', '0'], syntax],
      [['COUNT', '-5'], syntax],
      [['COUNT', 'x'], integer],
      [['MATCH'], syntax],
      [['FOO', 'x'], syntax],
    ] as const) {
      assert.equal(String(scanPlan(engine, command(...options))), reply)
    }
  })

  test('R20: a page of limits.scanRows keys of the largest size stays within a frame', () => {
    assert(limits.scanRows * limits.keyBytes < limits.frameBytes)
  })
})

test('cursors are decimal numbers', () => {
  const parse = (text: string) => parseScanCursor(Buffer.from(text))
  assert.deepEqual(['0', '17', '9007199254740991'].map(parse), [0, 17, 9007199254740991])
  for (const text of ['', '-1', '+1', 'x', '1x', ' 1', '1'.repeat(21)]) assert.equal(parse(text), null, text)
})

test('only the command of scanCommand() is a scan', () => {
  const client = new EngineClient()
  assert(isScan(command()))
  const get = client.command('GET', 'a')
  assert(get !== null && !isScan(get))
  assert.deepEqual(page(client, Buffer.from('x'), []), arrayReply([Buffer.from('$-1\r\n'), arrayReply([])]))
  client.run('SET', 'y', '1')
  const reply = arrayReply([bulkReply(Buffer.from('y\0')), arrayReply([bulkReply(Buffer.from('y'))])])
  assert.deepEqual(page(client, Buffer.from('x'), ['COUNT', '1']), reply)
})

function command(...options: readonly string[]) {
  return scanCommand(
    0,
    Buffer.alloc(0),
    options.map((option) => Buffer.from(option)),
  )
}
