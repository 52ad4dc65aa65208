/** Scripts as commands: what EVALSHA knows, what a failed or endless script leaves, transactions, reads, misses. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SeededRandom } from '../../lib/random.ts'
import { sha1Hex } from '../../lib/sha1.ts'
import { limits } from '../../protocol/limits.ts'
import { EngineClient } from '../../testing/engine/engine-client.ts'
import { MapStore } from '../../testing/storage/map-store.ts'
import { onceCommand } from '../once.ts'
import { keptScripts } from './compiled.ts'

const NO_SCRIPT = '-NOSCRIPT No matching script. Please use EVAL.\r\n'
const ENDLESS = "redis.call('set', 'k', 'new') while true do end"

function shaOf(script: string): string {
  return sha1Hex(Buffer.from(script, 'latin1'))
}

describe('scripts for EVALSHA', () => {
  test('EVAL and SCRIPT LOAD make them known, in any case of the digest; SCRIPT FLUSH forgets them', () => {
    const client = new EngineClient()
    const script = 'return ARGV[1]'
    const sha = shaOf(script)
    assert.equal(client.run('EVALSHA', sha, 0, 'x'), NO_SCRIPT)
    assert.equal(client.run('EVAL', script, 0, 'x'), '$1\r\nx\r\n')
    assert.equal(client.run('EVALSHA', sha.toUpperCase(), 0, 'y'), '$1\r\ny\r\n')
    assert.equal(client.run('SCRIPT', 'LOAD', 'return 2'), `$40\r\n${shaOf('return 2')}\r\n`)
    assert.equal(client.run('SCRIPT', 'EXISTS', sha, shaOf('return 2'), 'no'), '*3\r\n:1\r\n:1\r\n:0\r\n')
    assert.equal(client.run('SCRIPT', 'FLUSH', 'ASYNC'), '+OK\r\n')
    assert.equal(client.run('EVALSHA', sha, 0), NO_SCRIPT)
    assert.equal(client.run('SCRIPT', 'EXISTS', sha), '*1\r\n:0\r\n')
  })

  test('INFO counts the programs that are kept, and SCRIPT FLUSH drops them', () => {
    const client = new EngineClient()
    client.run('SCRIPT', 'FLUSH')
    client.run('EVAL', 'return 1', 0)
    client.run('EVAL', 'return 1', 0)
    client.run('SCRIPT', 'LOAD', 'return 2')
    assert.equal(keptScripts(), 2)
    client.run('SCRIPT', 'FLUSH')
    assert.equal(keptScripts(), 0)
  })

  test('they are rows of the state: an engine that goes on from it knows them', () => {
    const client = new EngineClient()
    client.run('SCRIPT', 'LOAD', 'return 7')
    const other = new EngineClient(client.store)
    other.engine.load(client.engine.save())
    assert.equal(
      other.read(other.command('EVALSHA_RO', shaOf('return 7'), 0) ?? assert.fail()).toString(),
      ':7\r\n',
    )
  })

  test('R20: beyond their number the first one goes, and a script that is too large is refused', () => {
    const client = new EngineClient()
    for (let i = 0; i <= limits.scripts; i++) client.run('SCRIPT', 'LOAD', `return ${i}`)
    assert.equal(client.run('EVALSHA', shaOf('return 0'), 0), NO_SCRIPT)
    assert.equal(client.run('EVALSHA', shaOf('return 1'), 0), ':1\r\n')
    assert.equal(client.run('EVALSHA', shaOf(`return ${limits.scripts}`), 0), `:${limits.scripts}\r\n`)
    const long = `return 1 --${'x'.repeat(limits.scriptBytes)}`
    assert.match(client.run('EVAL', long, 0), /^-.*script is \d+ bytes, limit is/)
    assert.match(client.run('SCRIPT', 'LOAD', long), /^-.*script is \d+ bytes, limit is/)
  })

  test('what does not compile is not kept', () => {
    const client = new EngineClient()
    assert.match(
      client.run('SCRIPT', 'LOAD', 'return +'),
      /^-ERR Error compiling script \(new function\): user_script:1:/,
    )
    assert.match(client.run('EVAL', 'return +', 0), /^-ERR Error compiling/)
    assert.equal(client.run('SCRIPT', 'EXISTS', shaOf('return +')), '*1\r\n:0\r\n')
  })
})

describe('what a script leaves behind', () => {
  test('one revision, whatever it changed; none when it only read', () => {
    const client = new EngineClient()
    const { revision } = client.engine
    client.run('EVAL', "for i = 1, 5 do redis.call('set', 'k' .. i, i) end", 0)
    assert.equal(client.engine.revision, revision + 1)
    client.run('EVAL', "return redis.call('get', 'k1')", 0)
    assert.equal(client.engine.revision, revision + 1)
  })

  test('an error keeps what came before it, as in Redis', () => {
    const client = new EngineClient()
    assert.match(
      client.run('EVAL', "redis.call('set', 'k', 'v') error('stop')", 0),
      /^-ERR user_script:1: stop/,
    )
    assert.equal(client.run('GET', 'k'), '$1\r\nv\r\n')
  })

  test('R20: an endless script ends, and nothing of it is kept', () => {
    const client = new EngineClient()
    client.run('SET', 'k', 'old')
    const { revision } = client.engine
    assert.match(
      client.run('EVAL', ENDLESS, 0),
      /^-ERR the script ran for more than \d+ steps; nothing that it did/,
    )
    assert.match(
      client.run('EVAL', `pcall(function() ${ENDLESS} end) return 1`, 0),
      /^-ERR the script ran for more/,
    )
    assert.equal(client.run('GET', 'k'), '$3\r\nold\r\n')
    assert.equal(client.engine.revision, revision)
  })

  test('R20: memory, the stack and replies end as well', () => {
    const client = new EngineClient()
    const run = (script: string): string => client.run('EVAL', script, 0)
    assert.match(
      run("local s while true do s = string.rep('x', 2^20) end"),
      /^-ERR the script made more than \d+ bytes/,
    )
    assert.match(run('local t = {} while true do t = {t} end'), /^-ERR the script (made|ran for) more than/)
    assert.match(run('local function f() return f() + 1 end return f()'), /stack overflow/)
    assert.match(
      run("local s = string.rep('x', 2^20) local t = {} for i = 1, 65 do t[i] = s end return t"),
      /reply is larger/,
    )
    assert.match(
      run("return string.find(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40))"),
      /steps/,
    )
    run("redis.call('set', 'large', string.rep('x', 2^23))")
    assert.match(run("while true do redis.call('strlen', 'large') end"), /commands read more than \d+ bytes/)
  })

  test('inside MULTI an endless script undoes the whole transaction, an error only says so', () => {
    const client = new EngineClient()
    const failed = client.transaction([
      ['SET', 'a', '1'],
      ['EVAL', "error('stop')", 0],
      ['SET', 'b', '2'],
    ])
    assert.match(failed, /^\*3\r\n\+OK\r\n-ERR user_script:1: stop.*\r\n\+OK\r\n$/)
    assert.match(
      client.transaction([
        ['SET', 'a', 'x'],
        ['EVAL', ENDLESS, 0],
      ]),
      /^-ERR the script ran for more/,
    )
    assert.equal(client.run('MGET', 'a', 'b', 'k'), '*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n')
  })

  test('an idempotent script that failed after a change is not run again', () => {
    const client = new EngineClient()
    const command = client.command('EVAL', "redis.call('incr', 'n') error('stop')", 0) ?? assert.fail()
    const key = { key: Buffer.from('id'), fingerprint: Buffer.from('f') }
    for (let i = 0; i < 2; i++) client.execute(onceCommand(key, command))
    assert.equal(client.run('GET', 'n'), '$1\r\n1\r\n')
  })
})

describe('what scripts may do', () => {
  test('read-only scripts read, and write nothing', () => {
    const client = new EngineClient()
    client.run('SET', 'k', 'v')
    assert.equal(client.run('EVAL_RO', "return redis.call('get', KEYS[1])", 1, 'k'), '$1\r\nv\r\n')
    for (const [name, script] of [
      ['EVAL_RO', "return redis.call('del', 'k')"],
      ['EVAL', "#!lua flags=no-writes\nreturn redis.call('del', 'k')"],
    ] as const) {
      assert.match(
        client.run(name, script, 0),
        /^-ERR Write commands are not allowed from read-only scripts\. script: /,
      )
    }
    assert.equal(client.run('EXISTS', 'k'), ':1\r\n')
  })

  test('R6: growth that is refused is an error inside, deletions go on, and nothing is kept for EVALSHA', () => {
    const client = new EngineClient()
    client.run('SET', 'k', 'v')
    client.write({ database: 0, ...client.engine.growthCommand(true) })
    assert.match(client.run('EVAL', "return redis.call('set', 'k', 'w')", 0), /^-OOM /)
    assert.equal(client.run('EVAL', "return redis.pcall('set', 'k', 'w').err ~= nil", 0), ':1\r\n')
    assert.equal(client.run('EVAL', "return redis.call('del', 'k')", 0), ':1\r\n')
    assert.equal(client.run('EVALSHA', shaOf("return redis.call('del', 'k')"), 0), NO_SCRIPT)
    assert.match(client.run('SCRIPT', 'LOAD', 'return 1'), /^-OOM /)
  })

  test('R12: TIME is that of the entry, and keys that are due are gone', () => {
    const client = new EngineClient(new MapStore(), 1_700_000_000_123)
    const time = "local t = redis.call('time') return t[1] .. '.' .. t[2]"
    assert.equal(client.run('EVAL', time, 0), '$17\r\n1700000000.123000\r\n')
    client.run('SET', 'k', 'v', 'PX', 5)
    client.nowMs += 10
    assert.equal(client.run('EVAL', "return redis.call('exists', 'k')", 0), ':0\r\n')
    assert.equal(client.run('EVAL_RO', "return redis.call('exists', 'k')", 0), ':0\r\n')
  })

  test('SCRIPT KILL finds nothing to end, and there is no debugger', () => {
    const client = new EngineClient()
    assert.equal(client.run('SCRIPT', 'KILL'), '-NOTBUSY No scripts in execution right now.\r\n')
    assert.equal(client.run('SCRIPT', 'DEBUG', 'NO'), '+OK\r\n')
    assert.match(client.run('SCRIPT', 'DEBUG', 'YES'), /^-ERR SCRIPT DEBUG is not supported/)
  })
})

test('R2: a script that reads undeclared keys one after the other finds many of them in one attempt', () => {
  const store = new MapStore({ random: new SeededRandom(5), missShare: 0 })
  const client = new EngineClient(store)
  for (let i = 0; i < 200; i++) client.run('SET', `k${i}`, i)
  const reads = "local n = 0 for i = 0, 199 do n = n + redis.call('strlen', 'k' .. i) end return n"
  client.run('EVAL', reads, 0)
  store.missShare = 1
  store.misses = 0
  const caught =
    "local n = 0 for i = 0, 199 do local ok = pcall(redis.call, 'get', 'k' .. i) if ok then n = n + 1 end end return n"
  assert.equal(client.run('EVAL', caught, 0), ':200\r\n')
  assert.ok(store.misses <= 3 * 210, `${store.misses} misses`)
  assert.equal(client.run('EVAL', reads, 0), ':490\r\n')
})
