/**
 * Makes X.509 certificates (RFC 5280): EC P-256 keys, ECDSA with SHA-256, names as subject alternative names. Keys and
 * signatures are node:crypto's; the library gives the structures their encoding.
 */
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import * as x509 from '@peculiar/asn1-x509'

/** What a certificate is for. `node` may serve and dial; `client` may only dial, and opens no peer port. */
export type CertificateUse = 'ca' | 'node' | 'client'

export interface CertificateRequest {
  readonly use: CertificateUse
  /** Its common name. */
  readonly name: string
  /** Host names and IP addresses that it covers. */
  readonly hosts: readonly string[]
  readonly days: number
  readonly nowMs: number
  /** PKCS#8 PEM of the key that it is for. */
  readonly key: string
}

/** Who signs. */
export interface Authority {
  readonly name: string
  /** PKCS#8 PEM. */
  readonly key: string
}

const DAY_MS = 86_400_000
/** Clocks that are a little behind must take a new certificate too. */
export const BACKDATED_MS = 3_600_000
const SERIAL_BYTES = 16
const PEM_COLUMNS = 64
/** RFC 5758, 3.2. */
export const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const COMMON_NAME = '2.5.4.3'

/** A new private key as PKCS#8 PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The certificate as PEM. An authority signs itself when `issuer` has its own name and key. */
export function issueCertificate(request: CertificateRequest, issuer: Authority): string {
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 })
  const tbs = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: commonName(issuer.name),
    validity: new x509.Validity({
      notBefore: new Date(request.nowMs - BACKDATED_MS),
      notAfter: new Date(request.nowMs + request.days * DAY_MS),
    }),
    subject: commonName(request.name),
    subjectPublicKeyInfo: AsnConvert.parse(publicKeyOf(request.key), x509.SubjectPublicKeyInfo),
    extensions: new x509.Extensions(extensionsOf(request, issuer)),
  })
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbs)), issuer.key)
  const certificate = new x509.Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: arrayOf(signature),
  })
  return toPem('CERTIFICATE', Buffer.from(AsnConvert.serialize(certificate)))
}

function extensionsOf(request: CertificateRequest, issuer: Authority): x509.Extension[] {
  const isCa = request.use === 'ca'
  const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags
  const extensions = [
    extension(x509.id_ce_basicConstraints, new x509.BasicConstraints({ cA: isCa }), true),
    extension(x509.id_ce_keyUsage, new x509.KeyUsage(isCa ? keyCertSign | cRLSign : digitalSignature), true),
    extension(x509.id_ce_subjectKeyIdentifier, new x509.SubjectKeyIdentifier(keyIdentifier(request.key))),
    extension(
      x509.id_ce_authorityKeyIdentifier,
      new x509.AuthorityKeyIdentifier({ keyIdentifier: new x509.KeyIdentifier(keyIdentifier(issuer.key)) }),
    ),
  ]
  if (isCa) return extensions
  const uses =
    request.use === 'node' ? [x509.id_kp_serverAuth, x509.id_kp_clientAuth] : [x509.id_kp_clientAuth]
  extensions.push(extension(x509.id_ce_extKeyUsage, new x509.ExtendedKeyUsage(uses)))
  if (request.hosts.length > 0) {
    const names = new x509.SubjectAlternativeName(request.hosts.map(generalName))
    extensions.push(extension(x509.id_ce_subjectAltName, names))
  }
  return extensions
}

/** An extension (RFC 5280, 4.2) with the encoding of `value`. */
export function extension(id: string, value: object, critical = false): x509.Extension {
  return new x509.Extension({
    extnID: id,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  })
}

function generalName(host: string): x509.GeneralName {
  return isIP(host) === 0
    ? new x509.GeneralName({ dNSName: host })
    : new x509.GeneralName({ iPAddress: host })
}

/** A name (RFC 5280, 4.1.2.4) of nothing but a common name. */
export function commonName(name: string): x509.Name {
  const value = new x509.AttributeValue({ utf8String: name })
  const attribute = new x509.AttributeTypeAndValue({ type: COMMON_NAME, value })
  return new x509.Name([new x509.RelativeDistinguishedName([attribute])])
}

/** DER of the public half, as subjectPublicKeyInfo. */
function publicKeyOf(key: string): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** What tells the public half of `key` from others: the first 20 bytes of its SHA-256. */
export function keyIdentifier(key: string): ArrayBuffer {
  return arrayOf(createHash('sha256').update(publicKeyOf(key)).digest().subarray(0, 20))
}

/** Positive, and without a leading zero byte (RFC 5280, 4.1.2.2). */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(SERIAL_BYTES)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return arrayOf(bytes)
}

/** A copy, in the form that the library wants. */
export function arrayOf(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}

/** `label` e.g. 'CERTIFICATE' (RFC 7468). */
export function toPem(label: string, der: Buffer): string {
  const text = der.toString('base64')
  const lines: string[] = []
  for (let at = 0; at < text.length; at += PEM_COLUMNS) lines.push(text.slice(at, at + PEM_COLUMNS))
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
