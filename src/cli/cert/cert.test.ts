/** `kvorum cert`: what it makes is what OpenSSL accepts, keys are private, and nothing is overwritten. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { runCli } from '../testing/run-cli.ts'
import { issueCertificate, newKey } from './issue.ts'
import { readRevocationList } from './revocation-list.ts'

const folder = mkdtempSync(join(tmpdir(), 'kvorum-cert-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const cert = (...words: string[]) => runCli(['cert', ...words], { cwd: folder })
const read = (name: string): X509Certificate =>
  new X509Certificate(readFileSync(join(folder, 'kvorum-certs', name)))

describe('kvorum cert', () => {
  test('makes an authority, a node and a client, and says what to do next', async () => {
    assert.match((await cert('ca')).stdout, /Next: kvorum cert node NAME --host HOST\n/)
    const node = await cert('node', 'n1', '--host', '10.0.0.1,db.example.com', '--days', '90')
    assert.match(
      node.stdout,
      /Next: kvorum start --node-id n1 --tls-cert \S+n1.crt --tls-key \S+n1.key --tls-ca/,
    )
    assert.match((await cert('client', 'app')).stdout, /Next: redis-cli --tls/)

    const [ca, n1, app] = [read('ca.crt'), read('n1.crt'), read('app.crt')]
    assert.ok(ca.ca && !n1.ca && !app.ca)
    assert.ok(n1.checkIssued(ca) && n1.verify(ca.publicKey) && app.verify(ca.publicKey))
    for (const host of ['n1', 'db.example.com', 'localhost']) assert.equal(n1.checkHost(host), host)
    for (const address of ['10.0.0.1', '127.0.0.1', '::1']) assert.ok(n1.checkIP(address), address)
    assert.equal(app.subjectAltName, undefined)
    assert.deepEqual(app.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'a client certificate serves nobody')
    const days = (Date.parse(n1.validTo) - Date.now()) / 86_400_000
    assert.ok(days > 89 && days <= 90, `${days} days`)
  })

  test('keys can be read by their owner only', () => {
    for (const name of ['ca.key', 'n1.key', 'app.key']) {
      assert.equal(statSync(join(folder, 'kvorum-certs', name)).mode & 0o777, 0o600)
    }
  })

  test('overwrites nothing; --renew keeps key and names', async () => {
    const before = read('n1.crt')
    for (const words of [['ca'], ['node', 'n1'], ['client', 'app']]) {
      const again = await cert(...words)
      assert.equal(again.status, 1)
      assert.match(again.stderr, /would be overwritten/)
    }
    assert.equal(read('n1.crt').fingerprint256, before.fingerprint256)
    assert.match((await cert('node', 'n1', '--renew')).stdout, /kill -HUP/)
    const renewed = read('n1.crt')
    assert.notEqual(renewed.serialNumber, before.serialNumber)
    assert.equal(renewed.subjectAltName, before.subjectAltName)
    assert.deepEqual(
      renewed.publicKey.export({ type: 'spki', format: 'der' }),
      before.publicKey.export({ type: 'spki', format: 'der' }),
    )
  })

  test('revoke lists every certificate a name ever had, and the name can have a new key', async () => {
    await cert('node', 'gone')
    await cert('client', 'left')
    const serials = [read('gone.crt').serialNumber]
    await cert('node', 'gone', '--renew')
    serials.push(read('gone.crt').serialNumber)
    assert.match((await cert('revoke', 'gone')).stdout, /tls_crl = "\S+ca\.crl".*kill -HUP;\n.*--tls-crl/)
    const list = () => readRevocationList(readFileSync(join(folder, 'kvorum-certs', 'ca.crl'), 'utf8'))
    assert.deepEqual(
      list()
        .revoked.map(({ serial }) => serial)
        .sort(),
      serials.sort(),
    )

    assert.match((await cert('node', 'gone')).stdout, /Made .*gone\.crt/)
    assert.ok(!serials.includes(read('gone.crt').serialNumber))
    await cert('revoke', 'left')
    assert.equal((await cert('revoke')).status, 0)
    assert.equal(list().revoked.length, 3)
    assert.equal(list().number, 3)
    assert.match((await cert('revoke', 'nobody')).stderr, /no certificate of nobody/)
    assert.equal((await cert('revoke', 'ca')).status, 2)
  })

  test('says what is missing or wrong', async () => {
    const none = await cert('node', 'n9', '--out', 'elsewhere')
    assert.match(none.stderr, /no authority in elsewhere.*\n.*kvorum cert ca --out elsewhere/)
    assert.match((await cert('node', 'n9', '--renew')).stderr, /Cannot renew: there is no .*n9\.crt/)
    assert.match((await cert('node', 'ca')).stderr, /name of the authority/)
    assert.equal((await cert('node', 'n9', '--host', 'not a host')).status, 2)
    assert.equal((await cert('ca', '--days', '0')).status, 2)
    for (const verb of ['node', 'client', 'revoke']) {
      const wrong = await cert(verb, '../n9')
      assert.equal(wrong.status, 2)
      assert.match(wrong.stderr, /Cannot use '\.\.\/n9' as a name/)
    }
  })
})

test('a certificate beyond the year 2049 has its dates in the longer form', () => {
  const key = newKey()
  const request = { use: 'ca', name: 'x', hosts: [], days: 36_500, nowMs: Date.UTC(2026, 0, 1), key } as const
  const made = new X509Certificate(issueCertificate(request, { name: 'x', key }))
  assert.equal(new Date(made.validTo).getUTCFullYear(), 2125)
  assert.ok(made.verify(made.publicKey))
})
