/**
 * Makes and reads revocation lists (RFC 5280, 5): which certificates of an authority count no more. A list of ours
 * holds until the authority itself ends: one that ran out would shut every node and client out at once.
 */
import { sign } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import * as x509 from '@peculiar/asn1-x509'
import {
  type Authority,
  arrayOf,
  BACKDATED_MS,
  commonName,
  ECDSA_WITH_SHA256,
  extension,
  keyIdentifier,
  toPem,
} from './issue.ts'

export interface Revocation {
  /** Hexadecimal, as X509Certificate.serialNumber. */
  readonly serial: string
  readonly at: Date
}

export interface RevocationListRequest {
  readonly revoked: readonly Revocation[]
  /** Which list of the authority it is, from 1 on. */
  readonly number: number
  readonly nowMs: number
  readonly endsAt: Date
}

const LABEL = 'X509 CRL'

/** The list as PEM. */
export function issueRevocationList(request: RevocationListRequest, issuer: Authority): string {
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 })
  const revokedCertificates = request.revoked.map(
    ({ serial, at }) =>
      new x509.RevokedCertificate({
        userCertificate: arrayOf(Buffer.from(serial, 'hex')),
        revocationDate: new x509.Time(at),
      }),
  )
  const tbs = new x509.TBSCertList({
    version: x509.Version.v2,
    signature: algorithm,
    issuer: commonName(issuer.name),
    thisUpdate: new x509.Time(new Date(request.nowMs - BACKDATED_MS)),
    nextUpdate: new x509.Time(request.endsAt),
    // RFC 5280, 5.1.2.6: absent when there are none.
    ...(revokedCertificates.length === 0 ? {} : { revokedCertificates }),
    crlExtensions: [
      extension(
        x509.id_ce_authorityKeyIdentifier,
        new x509.AuthorityKeyIdentifier({ keyIdentifier: new x509.KeyIdentifier(keyIdentifier(issuer.key)) }),
      ),
      extension(x509.id_ce_cRLNumber, new x509.CRLNumber(request.number)),
    ],
  })
  const list = new x509.CertificateList({
    tbsCertList: tbs,
    signatureAlgorithm: algorithm,
    signature: arrayOf(sign('sha256', Buffer.from(AsnConvert.serialize(tbs)), issuer.key)),
  })
  return toPem(LABEL, Buffer.from(AsnConvert.serialize(list)))
}

/** What a list says, and its number; throws when `pem` is none. */
export function readRevocationList(pem: string): { revoked: Revocation[]; number: number } {
  const base64 = pem.replace(/-----[^-]+-----/g, '')
  const { tbsCertList } = AsnConvert.parse(Buffer.from(base64, 'base64'), x509.CertificateList)
  const numbered = tbsCertList.crlExtensions?.find(({ extnID }) => extnID === x509.id_ce_cRLNumber)
  const revoked = (tbsCertList.revokedCertificates ?? []).map(({ userCertificate, revocationDate }) => ({
    serial: Buffer.from(userCertificate).toString('hex').toUpperCase(),
    at: revocationDate.getTime(),
  }))
  const number =
    numbered === undefined ? 0 : AsnConvert.parse(numbered.extnValue.buffer, x509.CRLNumber).value
  return { revoked, number }
}
