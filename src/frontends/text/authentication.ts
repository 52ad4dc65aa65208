/** AUTH in the text protocols: they had no passwords, so it is a verb of its own, for clusters that have one (R19). */
import type { ErrorCode } from '../../protocol/errors.ts'
import { hostOf } from '../../transport/address.ts'
import type { TextClient } from './language.ts'

/** `words` are AUTH and the password, with a user's name between them or without. Null: the client may go on. */
export function login(client: TextClient, words: readonly Buffer[]): ErrorCode | null {
  const { door, peer } = client
  const password = words.at(-1)
  if (words.length < 2 || password === undefined) return 'WRONG_PASSWORD'
  const user = words.length === 3 ? (words[1] as Buffer) : 'default'
  const result = door.credentials.check(hostOf(peer), user, password)
  if (result === 'wrong') door.log('warn', 'wrong password', { client: peer })
  if (result !== 'right') return result === 'wrong' ? 'WRONG_PASSWORD' : 'TOO_MANY_ATTEMPTS'
  client.isAuthenticated = true
  return null
}
