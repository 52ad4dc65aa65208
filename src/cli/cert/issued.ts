/**
 * What the authority of a folder has signed: a line in ca.issued for each certificate. A renewed one does not end the
 * one before it, so whoever takes back a name must know them all.
 */
import { X509Certificate } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathsOf } from './paths.ts'

/** Remembers the certificate `pem` as one of `name`. */
export function noteIssued(folder: string, name: string, pem: string): void {
  appendFileSync(recordOf(folder), `${serialOf(pem)} ${name}\n`)
}

/** Serial numbers of all certificates of `name`, in hexadecimal. */
export function issuedTo(folder: string, name: string): string[] {
  const record = recordOf(folder)
  const lines = existsSync(record) ? readFileSync(record, 'utf8').split('\n') : []
  const found = new Set(
    lines.flatMap((line) => (line.endsWith(` ${name}`) ? [line.slice(0, line.indexOf(' '))] : [])),
  )
  // One that was made before there was a record, or put there by hand.
  const { cert } = pathsOf(folder, name)
  if (existsSync(cert)) found.add(serialOf(readFileSync(cert, 'utf8')))
  return [...found]
}

function recordOf(folder: string): string {
  return join(folder, 'ca.issued')
}

function serialOf(pem: string): string {
  return new X509Certificate(pem).serialNumber
}
