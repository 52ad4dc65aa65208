/** AUTH in the text protocols: they had no passwords, so it is a verb of its own, for clusters that have one (R19). */
import type { ErrorCode } from '../../protocol/errors.ts'
import { loginRefusal } from '../security/login.ts'
import type { TextClient } from './language.ts'

/** `words` are AUTH and the password, with a user's name between them or without. Null: the client may go on. */
export function login(client: TextClient, words: readonly Buffer[]): ErrorCode | null {
  const { door, peer } = client
  const password = words.at(-1)
  if (words.length < 2 || password === undefined) return 'WRONG_PASSWORD'
  const user = words.length === 3 ? (words[1] as Buffer) : 'default'
  const refused = loginRefusal(door, peer, user, password)
  if (refused === null) client.isAuthenticated = true
  return refused
}
