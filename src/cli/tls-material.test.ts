/** What a node finds wrong with its certificate, key and revocation list before it uses them, in words for people. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { silentLogger } from '../lib/logger.ts'
import { resolveConfig } from '../server/config.ts'
import { RealClock } from '../server/seams/real-clock.ts'
import { loadMaterial } from '../server/tls/material.ts'
import { NodeTls } from '../server/tls/node-tls.ts'
import { type Authority, issueCertificate, newKey } from './cert/issue.ts'
import { issueRevocationList } from './cert/revocation-list.ts'
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

function listOf(issuer: Authority, endsAtMs: number): string {
  const nowMs = Date.now()
  return issueRevocationList({ revoked: [], number: 1, nowMs, endsAt: new Date(endsAtMs) }, issuer)
}

function makeStranger(name: string): { ca: string; list: (endsAtMs: number) => string } {
  const issuer = { name, key: newKey() }
  const request = { use: 'ca', name, hosts: [], days: 9, nowMs: Date.now(), key: issuer.key } as const
  return { ca: issueCertificate(request, issuer), list: (endsAtMs) => listOf(issuer, endsAtMs) }
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

  test('a damaged one is not written over: it says who must not come in', () => {
    const other = new TestAuthority()
    try {
      other.make('client', 'lost', [])
      writeFileSync(join(other.folder, 'ca.crl'), 'cut off')
      assert.throws(() => revoke(other.folder, ['lost'], Date.now()), /Nothing was revoked: .*ca\.crl is no/)
      assert.equal(readFileSync(join(other.folder, 'ca.crl'), 'utf8'), 'cut off')
    } finally {
      other.remove()
    }
  })

  test('one of a stranger alone is refused: nobody could be verified with it', () => {
    const stranger = makeStranger('Another CA')
    const crl = file('strange.crl', stranger.list(Date.now()))
    assert.throws(
      () => loadMaterial({ ...paths, crl }, ''),
      /no list in .*strange\.crl .* of an authority in/,
    )
  })

  test('ends when the first of the authorities has none left that holds', () => {
    const [one, two] = [makeStranger('One'), makeStranger('Two')]
    const ca = file('bundle.crt', one.ca + two.ca)
    const endOf = (...lists: string[]): number =>
      loadMaterial({ ...paths, ca, crl: file('dated.crl', lists.join('')) }, '').listsEndAtMs
    const [near, far] = [Date.UTC(2031, 4, 6, 7, 8, 9), Date.UTC(2061, 0, 1)]
    assert.equal(endOf(one.list(near)), near)
    assert.equal(endOf(one.list(far)), far)
    assert.equal(endOf(one.list(near), two.list(far)), near)
    assert.equal(endOf(one.list(near), two.list(far), one.list(far)), far)
  })

  test('that has expired is not taken up; the one before it stays', () => {
    const crl = revoke(authority.folder, [], Date.now())
    const logged: string[] = []
    const logger = { ...silentLogger, error: (message: string) => void logged.push(message) }
    const flags = { 'tls-cert': paths.cert, 'tls-key': paths.key, 'tls-ca': paths.ca, 'tls-crl': crl }
    const { config } = resolveConfig({ flags, env: {}, readFile: () => '' })
    const clock = new RealClock()
    const tls = new NodeTls(config, clock, logger)
    const own = { name: 'Kvorum CA', key: readFileSync(join(authority.folder, 'ca.key'), 'utf8') }
    const expired = file('expired.crl', listOf(own, Date.now() - 1_000))
    assert.throws(() => tls.renew({ ...config, tlsCrl: expired }), /expired\.crl expired on/)
    assert.equal(tls.renew(config), false, 'what is in use is what was before')
    assert.deepEqual(logged, [])
    new NodeTls({ ...config, tlsCrl: expired }, clock, logger)
    assert.match(logged.join(), /expired\.crl expired on .*: every certificate is refused/)
  })
})
