/**
 * Certificates and keys as files of one folder: ca.crt, ca.key, NAME.crt, NAME.key. Keys can be read by their owner
 * only; nothing that exists is overwritten, but by --renew, which replaces a certificate in one step and keeps its key.
 * What was signed is remembered in ca.issued.
 */
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { CliError, exitCodes } from '../exit.ts'
import { type Authority, type CertificateRequest, issueCertificate, newKey } from './issue.ts'
import { noteIssued } from './issued.ts'
import { CA_NAME, type CertificateFiles, pathsOf } from './paths.ts'

const CA_COMMON_NAME = 'Kvorum CA'

export interface Wanted extends Pick<CertificateRequest, 'use' | 'name' | 'hosts' | 'days'> {
  readonly folder: string
  /** Give an existing key a new certificate. */
  readonly renew: boolean
}

/** Makes the folder's authority. */
export function makeAuthority(folder: string, days: number): CertificateFiles {
  const paths = pathsOf(folder, CA_NAME)
  requireAbsent(paths)
  const key = newKey()
  const name = CA_COMMON_NAME
  const cert = issueCertificate({ use: 'ca', name, hosts: [], days, nowMs: Date.now(), key }, { name, key })
  save(folder, paths, cert, key)
  return paths
}

/** Makes a key and a certificate that the folder's authority signs. */
export function makeCertificate(wanted: Wanted): CertificateFiles {
  const { folder, name, renew } = wanted
  if (name === CA_NAME) throw new CliError(exitCodes.usage, `'${CA_NAME}' is the name of the authority`)
  const authority = loadAuthority(folder)
  const paths = pathsOf(folder, name)
  if (renew) return renewCertificate(wanted, paths, authority)
  requireAbsent(paths)
  const key = newKey()
  const cert = issueCertificate({ ...wanted, nowMs: Date.now(), key }, authority)
  noteIssued(folder, name, cert)
  save(folder, paths, cert, key)
  return paths
}

/** Names and addresses that the certificate at `path` covers. */
export function hostsOf(path: string): string[] {
  const text = new X509Certificate(readFileSync(path)).subjectAltName ?? ''
  return text.split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? [])
}

function renewCertificate(wanted: Wanted, paths: CertificateFiles, authority: Authority): CertificateFiles {
  if (!existsSync(paths.key) || !existsSync(paths.cert)) {
    throw new CliError(exitCodes.failed, `Cannot renew: there is no ${paths.cert} with ${paths.key}`)
  }
  const key = readFileSync(paths.key, 'utf8')
  const hosts = wanted.hosts.length > 0 ? wanted.hosts : hostsOf(paths.cert)
  const cert = issueCertificate({ ...wanted, hosts, nowMs: Date.now(), key }, authority)
  noteIssued(wanted.folder, wanted.name, cert)
  writeFileSync(`${paths.cert}.new`, cert)
  renameSync(`${paths.cert}.new`, paths.cert)
  return paths
}

/** Who signs for the folder; throws when there is nobody. */
export function loadAuthority(folder: string): Authority {
  const paths = pathsOf(folder, CA_NAME)
  if (!existsSync(paths.cert) || !existsSync(paths.key)) {
    const remedy = `kvorum cert ca --out ${folder}`
    throw new CliError(
      exitCodes.failed,
      `There is no authority in ${folder} (${CA_NAME}.crt, ${CA_NAME}.key)`,
      remedy,
    )
  }
  const name = /^CN=(.+)$/m.exec(new X509Certificate(readFileSync(paths.cert)).subject)?.[1]
  if (name === undefined) throw new CliError(exitCodes.failed, `${paths.cert} has no common name`)
  return { name, key: readFileSync(paths.key, 'utf8') }
}

function requireAbsent(paths: CertificateFiles): void {
  const found = [paths.cert, paths.key].filter((path) => existsSync(path))
  if (found.length === 0) return
  throw new CliError(
    exitCodes.failed,
    `Nothing was made: ${found.join(' and ')} would be overwritten`,
    'another --out DIR; or --renew, which keeps the key',
  )
}

/** The key first: a certificate without a key is worth nothing. A key that stands alone is taken back. */
function save(folder: string, paths: CertificateFiles, cert: string, key: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(paths.key, key, { mode: 0o600, flag: 'wx' })
  try {
    writeFileSync(paths.cert, cert, { flag: 'wx' })
  } catch (error) {
    rmSync(paths.key, { force: true })
    throw error
  }
}
