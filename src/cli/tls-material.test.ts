/** What a node finds wrong with its certificate, key and revocation list before it uses them, in words for people. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { loadMaterial } from '../server/tls/material.ts'
import { revoke } from './cert/revoke.ts'
import { TestAuthority } from './testing/certificates.ts'

const PASSPHRASE = 'correct horse'
const authority = new TestAuthority()
after(() => authority.remove())

const paths = { ...authority.make('node', 'n1'), ca: authority.caFile, crl: '' }
const file = (name: string, content: string | Buffer): string => {
  const path = join(authority.folder, name)
  writeFileSync(path, content)
  return path
}

describe('an encrypted private key', () => {
  const open = createPrivateKey(readFileSync(paths.key))
  const form = { format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const
  const encrypted = {
    ...paths,
    key: file('encrypted.key', open.export({ ...form, type: 'pkcs8' })),
  }

  test('is opened by its passphrase, in the form of PKCS#8 and in that of SEC 1', () => {
    assert.equal(loadMaterial(encrypted, PASSPHRASE).options.passphrase, PASSPHRASE)
    const sec1 = { ...paths, key: file('sec1.key', open.export({ ...form, type: 'sec1' })) }
    loadMaterial(sec1, PASSPHRASE)
  })

  test('an open key does not mind one', () => {
    loadMaterial(paths, PASSPHRASE)
  })

  test('without it, or with another, the node says what to do, and never the passphrase', () => {
    assert.throws(() => loadMaterial(encrypted, ''), /is encrypted: .*KVORUM_TLS_KEY_PASSPHRASE_FILE/)
    assert.throws(
      () => loadMaterial(encrypted, 'wrong battery'),
      (error: Error) => /does not open the private key/.test(error.message) && !/battery/.test(error.message),
    )
  })
})

describe('a revocation list', () => {
  test('changes the fingerprint: a reload takes it up though the certificate is the same', () => {
    const before = loadMaterial(paths, '')
    const first = loadMaterial({ ...paths, crl: revoke(authority.folder, [], Date.now()) }, '')
    authority.make('client', 'lost', [])
    const second = loadMaterial({ ...paths, crl: revoke(authority.folder, ['lost'], Date.now()) }, '')
    assert.equal(new Set([before.fingerprint, first.fingerprint, second.fingerprint]).size, 3)
  })

  test('several in one file are all taken', () => {
    const one = readFileSync(revoke(authority.folder, [], Date.now()), 'latin1')
    const crl = file('bundle.crl', one + one)
    assert.equal((loadMaterial({ ...paths, crl }, '').options.crl as string[]).length, 2)
  })

  test('a file without one, or with a damaged one, is refused', () => {
    const damaged = '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n'
    for (const content of ['', 'no list', damaged, readFileSync(authority.caFile)]) {
      const crl = file('bad.crl', content)
      assert.throws(() => loadMaterial({ ...paths, crl }, ''), /no revocation list in PEM form in .*bad\.crl/)
    }
  })
})
