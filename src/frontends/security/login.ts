/** A connection gives a password (R19): whatever its protocol, it is judged, limited and logged in one way. */
import type { ErrorCode } from '../../protocol/errors.ts'
import { hostOf } from '../../transport/address.ts'
import type { Door } from '../door.ts'

/** Null: `peer` ('address:port') may go on. Else why not. */
export function loginRefusal(
  door: Door,
  peer: string,
  user: Buffer | string,
  password: Buffer,
): ErrorCode | null {
  const result = door.credentials.check(hostOf(peer), user, password)
  if (result === 'right') return null
  if (result === 'later') return 'TOO_MANY_ATTEMPTS'
  door.log('warn', 'Wrong password', { client: peer })
  return 'WRONG_PASSWORD'
}
