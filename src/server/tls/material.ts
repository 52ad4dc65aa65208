/**
 * A node's certificate, key, authority and revocation list as read from their files, checked before anybody uses them:
 * a certificate that does not belong to the key is found here, not by the first client.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { blocksOf, listsEndAtMs } from './revocation-lists.ts'

export interface TlsPaths {
  readonly cert: string
  readonly key: string
  /** '' = none: nobody's certificate can be verified. */
  readonly ca: string
  /** '' = none: no certificate is taken for revoked. */
  readonly crl: string
}

export interface TlsMaterial {
  readonly paths: TlsPaths
  readonly options: SecureContextOptions
  readonly notAfter: Date
  /** When the revocation lists end, and with them every certificate, in milliseconds since 1970; Infinity without. */
  readonly listsEndAtMs: number
  /** Tells one material from another: two certificates may have the same names and dates. */
  readonly fingerprint: string
}

/** Reads and checks the files; throws with what is wrong and in which file. `passphrase` opens the key, '' = none. */
export function loadMaterial(paths: TlsPaths, passphrase: string): TlsMaterial {
  const cert = read('--tls-cert', paths.cert)
  const key = read('--tls-key', paths.key)
  const ca = paths.ca === '' ? null : read('--tls-ca', paths.ca)
  const leaf = certificateIn('--tls-cert', paths.cert, cert)
  if (ca !== null) certificateIn('--tls-ca', paths.ca, ca)
  const crl = paths.crl === '' ? [] : revocationListsIn(paths.crl)
  const endAtMs = ca === null || crl.length === 0 ? Number.POSITIVE_INFINITY : listsEndAtMs(crl, ca)
  if (endAtMs === null) {
    throw new Error(`There is no list in ${paths.crl} (--tls-crl) of an authority in ${paths.ca} (--tls-ca)`)
  }
  if (!leaf.checkPrivateKey(privateKeyIn(paths.key, key, passphrase))) {
    throw new Error(`The key in ${paths.key} does not belong to the certificate in ${paths.cert}`)
  }
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: 'TLSv1.2',
    honorCipherOrder: true,
    ...(passphrase === '' ? {} : { passphrase }),
    ...(ca === null ? {} : { ca }),
    ...(crl.length === 0 ? {} : { crl }),
  }
  // Whatever the checks above let through must fail now, not in a handshake.
  createSecureContext(options)
  const fingerprint = [cert, ca ?? '', ...crl].map((pem) => pem.toString('latin1')).join(' ')
  return { paths, options, notAfter: new Date(leaf.validTo), listsEndAtMs: endAtMs, fingerprint }
}

/** Whole days until the certificate ends; negative afterwards. */
export function daysLeft(material: TlsMaterial, nowMs: number): number {
  return Math.floor((material.notAfter.getTime() - nowMs) / 86_400_000)
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error(`Cannot read ${path} (${flag}): ${(error as Error).message}`)
  }
}

function certificateIn(flag: string, path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new Error(`There is no certificate in PEM form in ${path} (${flag})`)
  }
}

function privateKeyIn(path: string, pem: Buffer, passphrase: string): KeyObject {
  try {
    return createPrivateKey(passphrase === '' ? pem : { key: pem, passphrase })
  } catch {
    if (!pem.includes('ENCRYPTED'))
      throw new Error(`There is no private key in PEM form in ${path} (--tls-key)`)
    if (passphrase !== '')
      throw new Error(`The passphrase does not open the private key in ${path} (--tls-key)`)
    throw new Error(
      `The private key in ${path} (--tls-key) is encrypted: put its passphrase into a file and name it by ` +
        'KVORUM_TLS_KEY_PASSPHRASE_FILE',
    )
  }
}

/** All lists of the file: a bundle of authorities has one of each. */
function revocationListsIn(path: string): string[] {
  const lists = blocksOf(read('--tls-crl', path).toString('latin1'), 'X509 CRL')
  try {
    if (lists.length > 0 && createSecureContext({ crl: lists })) return lists
  } catch {
    // It looks like one and is none.
  }
  throw new Error(`There is no revocation list in PEM form in ${path} (--tls-crl)`)
}
