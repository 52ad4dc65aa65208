/**
 * What a revocation list (RFC 5280, 5) says of itself: whose it is, and when it ends. OpenSSL checks certificates
 * against it, and refuses all of them once it has ended or is another authority's: a node must know before it uses one.
 */
import { X509Certificate } from 'node:crypto'

/** One value of DER (X.690, 8.1). */
interface Element {
  readonly tag: number
  readonly content: Buffer
}

const CONSTRUCTED = 0x20
const tags = {
  integer: 0x02,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  version: 0xa0,
  keyIdentifier: 0x80,
  listExtensions: 0xa0,
  certificateExtensions: 0xa3,
}
/** Object identifiers (RFC 5280, 4.2.1.1 and 4.2.1.2), as they stand in DER. */
const AUTHORITY_KEY = '551d23'
const SUBJECT_KEY = '551d0e'

/** An authority, as a list names it: authorities may have the same name, and then their keys tell them apart. */
interface Authority {
  readonly name: string
  /** Its key's identifier in hexadecimal, '' when it is not given. */
  readonly key: string
}

/**
 * When the `lists` (PEM each) stop to serve one of the `authorities` (PEM, any number) that have one among them, in
 * milliseconds since 1970; Infinity when they say no end, null when no authority has one.
 */
export function listsEndAtMs(lists: readonly string[], authorities: Buffer): number | null {
  const read = lists.map(listIn)
  const ends = blocksOf(authorities.toString('latin1'), '(?:X509 )?CERTIFICATE').flatMap((pem) => {
    const subject = subjectOf(new X509Certificate(pem))
    const own = read.flatMap(({ issuer, endsAtMs }) => (isSame(issuer, subject) ? [endsAtMs] : []))
    return own.length === 0 ? [] : [Math.max(...own)]
  })
  return ends.length === 0 ? null : Math.min(...ends)
}

/** All blocks of `label` (RFC 7468), a regular expression, in `text`. */
export function blocksOf(text: string, label: string): string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[\\s\\S]*?-----END ${label}-----`, 'g')) ?? []
}

function isSame(one: Authority, other: Authority): boolean {
  return one.name === other.name && (one.key === '' || other.key === '' || one.key === other.key)
}

function listIn(pem: string): { issuer: Authority; endsAtMs: number } {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
  const fields = signedFields(der, tags.integer)
  const extension = extensionOf(fields, tags.listExtensions, AUTHORITY_KEY)
  const key = elementsOf(extension?.content).find(({ tag }) => tag === tags.keyIdentifier)
  // signature, issuer, thisUpdate, nextUpdate
  return { issuer: { name: nameOf(fields[1]), key: hexOf(key) }, endsAtMs: timeOf(fields[3]) }
}

function subjectOf({ raw }: X509Certificate): Authority {
  const fields = signedFields(raw, tags.version)
  const key = extensionOf(fields, tags.certificateExtensions, SUBJECT_KEY)
  // serialNumber, signature, issuer, validity, subject
  return { name: nameOf(fields[4]), key: hexOf(key) }
}

/** What the extension `id` holds. `tag`: of the field that has the extensions. */
function extensionOf(fields: readonly Element[], tag: number, id: string): Element | undefined {
  const [extensions] = elementsOf(fields.find((field) => field.tag === tag)?.content)
  for (const { content } of elementsOf(extensions?.content)) {
    const parts = elementsOf(content)
    if (hexOf(parts[0]) === id) return elementsOf(parts.at(-1)?.content)[0]
  }
  return undefined
}

function hexOf(element: Element | undefined): string {
  return element?.content.toString('hex') ?? ''
}

/** The fields of what is signed, without its version, which may be missing. */
function signedFields(der: Buffer, version: number): Element[] {
  const [signed] = elementsOf(elementsOf(der)[0]?.content)
  const fields = elementsOf(signed?.content)
  return fields[0]?.tag === version ? fields.slice(1) : fields
}

/** As names are compared (RFC 5280, 7.1): neither case nor further spaces count, nor the kind of text. */
function nameOf(name: Element | undefined): string {
  if (name === undefined) return ''
  if ((name.tag & CONSTRUCTED) !== 0) return elementsOf(name.content).map(nameOf).join('\n')
  if (name.tag === tags.objectIdentifier) return hexOf(name)
  return name.content.toString('latin1').trim().replace(/\s+/g, ' ').toLowerCase()
}

/** Infinity when there is none: the field may be missing. */
function timeOf(time: Element | undefined): number {
  if (time?.tag !== tags.utcTime && time?.tag !== tags.generalizedTime) return Number.POSITIVE_INFINITY
  const text = time.content.toString('latin1')
  // RFC 5280, 4.1.2.5.1: two digits of a year are of 1950 to 2049.
  const century = time.tag === tags.generalizedTime ? '' : text < '50' ? '20' : '19'
  const [, date = '', rest = ''] = /^(\d{8})(\d{6})Z$/.exec(century + text) ?? []
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)]
  const endsAtMs = Date.parse(`${year}-${month}-${day}T${rest.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`)
  if (Number.isNaN(endsAtMs)) throw new Error(`${text} is no time of DER`)
  return endsAtMs
}

/** The values that stand behind each other in `content`. */
function elementsOf(content: Buffer = Buffer.alloc(0)): Element[] {
  const found: Element[] = []
  for (let at = 0; at + 1 < content.length; ) {
    const tag = content.readUInt8(at)
    const short = content.readUInt8(at + 1)
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f
    const start = at + 2 + lengthBytes
    const length = lengthBytes === 0 ? short : content.readUIntBE(at + 2, lengthBytes)
    if (start + length > content.length) throw new RangeError('a value of DER is cut off')
    found.push({ tag, content: content.subarray(start, start + length) })
    at = start + length
  }
  return found
}
