/** An authority for one test: certificates as `kvorum cert` makes them, and those that must be refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority, makeCertificate } from '../cert/files.ts'
import { type CertificateUse, issueCertificate, newKey } from '../cert/issue.ts'
import { type CertificateFiles, pathsOf } from '../cert/paths.ts'

const DAY_MS = 86_400_000
const DAYS = 60
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1']

export interface Pem {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), 'kvorum-certs-'))
  readonly caFile: string

  constructor() {
    this.caFile = makeAuthority(this.folder, DAYS).cert
  }

  get ca(): Buffer {
    return readFileSync(this.caFile)
  }

  /** A certificate for `name` on this machine. */
  make(
    use: CertificateUse,
    name: string,
    hosts: readonly string[] = [name, ...LOCAL_HOSTS],
  ): CertificateFiles {
    return makeCertificate({ use, name, hosts, days: DAYS, folder: this.folder, renew: false })
  }

  /** Another certificate and key in the files of `name`, as an operator would put them there. */
  replace(
    name: string,
    hosts: readonly string[] = [name, ...LOCAL_HOSTS],
    fromMs = Date.now(),
  ): CertificateFiles {
    const paths = pathsOf(this.folder, name)
    const key = newKey()
    const issuer = { name: 'Kvorum CA', key: readFileSync(join(this.folder, 'ca.key'), 'utf8') }
    writeFileSync(
      paths.cert,
      issueCertificate({ use: 'node', name, hosts, days: DAYS, nowMs: fromMs, key }, issuer),
    )
    writeFileSync(paths.key, key, { mode: 0o600 })
    return paths
  }

  /** One that ended long ago. */
  expired(name: string): CertificateFiles {
    return this.replace(name, [name, ...LOCAL_HOSTS], Date.now() - 2 * DAYS * DAY_MS)
  }

  pem({ cert, key }: CertificateFiles): Pem {
    return { ca: this.ca, cert: readFileSync(cert), key: readFileSync(key) }
  }

  /** Flags of `kvorum start` for these files. */
  flags(files: CertificateFiles): Record<string, string> {
    return { 'tls-cert': files.cert, 'tls-key': files.key, 'tls-ca': this.caFile }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
