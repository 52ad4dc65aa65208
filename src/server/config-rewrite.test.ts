/** CONFIG REWRITE: what of a configuration file changes and what stays; how the file is replaced. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ConfigFile, withValues } from './config-rewrite.ts'

const values = new Map<string, string | number>([
  ['max_clients', 77],
  ['client_output_buffer_limit', 'normal 1 0 0'],
])

describe('withValues', () => {
  test('changes values in their lines and leaves everything else as it is', () => {
    const text =
      '# node\nmax_clients = 10   # few\n\nclient_output_buffer_limit="x # y" # why\n[cluster]\nn1 = "a:1"\n'
    const next =
      '# node\nmax_clients = 77   # few\n\nclient_output_buffer_limit="normal 1 0 0" # why\n[cluster]\nn1 = "a:1"\n'
    assert.equal(withValues(text, values), next)
    assert.equal(withValues(next, values), next)
  })

  test('puts new keys behind the other ones, before the first table and its comment', () => {
    assert.equal(
      withValues('host = "::1"\n\n# all members\n[cluster]\nn1 = "a:1"\n', new Map([['timeout', 5]])),
      'host = "::1"\ntimeout = 5\n\n# all members\n[cluster]\nn1 = "a:1"\n',
    )
    assert.equal(withValues('', new Map([['timeout', 5]])), 'timeout = 5\n')
    assert.equal(withValues('a = 1', new Map([['timeout', 5]])), 'a = 1\ntimeout = 5')
  })

  test('a key inside a table is another one', () => {
    const text = '[cluster]\ntimeout = "a:1"\n'
    assert.equal(withValues(text, new Map([['timeout', 5]])), 'timeout = 5\n[cluster]\ntimeout = "a:1"\n')
  })

  test('CRLF, quotes and values of other types are taken', () => {
    assert.equal(
      withValues('timeout = 0x10\r\nb = 1\r\n', new Map([['timeout', 5]])),
      'timeout = 5\r\nb = 1\r\n',
    )
    assert.equal(
      withValues('b = 1 # b\r\nc = 2 # c\r\n', new Map([...values, ['b', 5]])).replaceAll('\r\n', '|'),
      'b = 5 # b|c = 2 # c|max_clients = 77|client_output_buffer_limit = "normal 1 0 0"|',
    )
    assert.equal(withValues("timeout = 'none'\n", new Map([['timeout', 'a"b']])), 'timeout = "a\\"b"\n')
  })

  test('a file that cannot be changed safely is left alone', () => {
    for (const text of ['"timeout" = 1\n', 'timeout = """\n1"""\n', 'a = """\ntimeout = 1\n"""\n']) {
      assert.throws(() => withValues(text, new Map([['timeout', 5]])), /without changing more/)
    }
  })

  test('one that is broken is told without what is in it', () => {
    const broken = 'password = "secret"\ntimeout = = 1\n'
    assert.throws(() => withValues(broken, values), { message: 'line 2, column 11: invalid value' })
  })
})

describe('ConfigFile', () => {
  test('replaces the file in one step, with its mode, behind a link, and leaves nothing beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvorum-rewrite-'))
    try {
      const [real, link] = [join(folder, 'real.toml'), join(folder, 'link.toml')]
      writeFileSync(real, '# mine\nmax_clients = 1\n')
      chmodSync(real, 0o640)
      symlinkSync(real, link)
      const file = new ConfigFile(link)
      await Promise.all([
        file.rewrite(new Map([['max_clients', 2]])),
        file.rewrite(new Map([['timeout', 3]])),
      ])
      assert.equal(readFileSync(link, 'utf8'), '# mine\nmax_clients = 2\ntimeout = 3\n')
      assert.equal(statSync(real).mode & 0o777, 0o640)
      assert.deepEqual(readdirSync(folder).sort(), ['link.toml', 'real.toml'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('tells what is wrong, and goes on with the next one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvorum-rewrite-'))
    try {
      const path = join(folder, 'a.toml')
      const file = new ConfigFile(path)
      await assert.rejects(file.rewrite(values), /ENOENT/)
      mkdirSync(`${path}.${process.pid}.new`)
      writeFileSync(path, 'a = 1\n')
      await assert.rejects(file.rewrite(values), /EISDIR/)
      assert.equal(readFileSync(path, 'utf8'), 'a = 1\n')
      rmSync(`${path}.${process.pid}.new`, { recursive: true })
      await file.rewrite(values)
      assert.match(readFileSync(path, 'utf8'), /max_clients = 77/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
