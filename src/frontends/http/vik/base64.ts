/**
 * Base64 as VikDB's clients meet it: values in the standard alphabet with padding, judged as strictly as Go's decoder
 * and with its words; keys in the URL-safe alphabet, or else plain text.
 */
import { isUtf8 } from 'node:buffer'

/** What nearly all senders send: judged at once. */
const WHOLE = /^[A-Za-z0-9+/]*={0,2}$/
const LINE_END = /[\r\n]/
const ALPHABET = /[A-Za-z0-9+/]/

/** The bytes, or the position (in characters) of what makes `text` no base64. Line ends in it count for nothing. */
export function decodeStandard(text: string): Buffer | number {
  const illegal = text.length % 4 === 0 && WHOLE.test(text) ? -1 : firstIllegal(text)
  return illegal < 0 ? Buffer.from(text, 'base64') : illegal
}

/** -1 when there is none. */
function firstIllegal(text: string): number {
  let digits = 0
  let padding = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    if (padding > 0 && (digits + padding) % 4 === 0 && !LINE_END.test(character)) return at
    if (ALPHABET.test(character) && padding === 0) digits++
    else if (character === '=' && digits % 4 >= 2) padding++
    else if (!LINE_END.test(character)) return at
  }
  const rest = (digits + padding) % 4
  if (rest === 0) return -1
  return padding > 0 ? text.length : text.length - rest
}

/** What Go's decoder says. */
export function illegalAt(position: number): string {
  return `illegal base64 data at input byte ${position}`
}

/** The key that a path names: padded URL-safe base64 when it is exactly that, else the bytes themselves. */
export function keyOf(raw: Buffer): Buffer {
  const text = raw.toString('latin1')
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(text) || text.length % 4 !== 0) return raw
  const decoded = Buffer.from(text, 'base64url')
  const again = decoded.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
  return again === text ? decoded : raw
}

/** A bound in a query: as keyOf(), but base64 of bytes that are no UTF-8 text was most likely meant as text itself. */
export function boundOf(raw: Buffer): Buffer {
  const key = keyOf(raw)
  return key !== raw && isUtf8(key) ? key : raw
}
