/** The log: levels, structure, secrets. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Logger } from '../lib/logger.ts'
import { prettyLine } from '../lib/pretty-log.ts'
import { until } from '../testing/processes/wait.ts'
import { openLog } from './logging.ts'

/** What the calls write with level info, once it is there: a line at least. */
async function written(format: 'pretty' | 'json', use: (logger: Logger) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-log-'))
  const descriptor = openSync(join(folder, 'log'), 'a')
  try {
    const log = openLog({ level: 'info', format, node: 'n1', descriptor })
    use(log.logger)
    log.flush()
    return await until('the line', () => {
      const text = readFileSync(join(folder, 'log'), 'utf8')
      return text.endsWith('\n') ? text : null
    })
  } finally {
    closeSync(descriptor)
    rmSync(folder, { recursive: true })
  }
}

test('a line is one JSON object with time, level, node, message and fields', async () => {
  const text = await written('json', (logger) => logger.warn('became leader', { term: 7 }))
  const { time, ...rest } = JSON.parse(text)
  assert.ok(!Number.isNaN(Date.parse(time)))
  assert.deepEqual(rest, { level: 'warn', node: 'n1', message: 'became leader', term: 7 })
})

test('lines below the level are not written', async () => {
  const text = await written('json', (logger) => {
    logger.debug('noise')
    logger.info('kept')
  })
  assert.equal(JSON.parse(text).message, 'kept')
})

test('fields named like secrets never reach the log', async () => {
  const text = await written('json', (logger) => {
    logger.info('configured', { password: 'hunter2', config: { clusterSecret: 'hunter2', host: 'h' } })
  })
  assert.ok(!text.includes('hunter2') && text.includes('"host":"h"'), text)
})

test('the readable form shows time, level, node, message, then the fields', async () => {
  const text = await written('pretty', (logger) =>
    logger.info('election', { term: 7, reason: 'no heartbeat' }),
  )
  assert.match(text, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}n1 election term=7 reason="no heartbeat"\n$/)
})

test('a line that is not ours is shown as it is', () => {
  assert.equal(prettyLine('Segmentation fault', true), 'Segmentation fault\n')
})
