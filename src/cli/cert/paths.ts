/** Where the certificates and keys of a folder are: ca.crt, ca.key, NAME.crt, NAME.key. */
import { join } from 'node:path'

export const CA_NAME = 'ca'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export function pathsOf(folder: string, name: string): CertificateFiles {
  return { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
}
