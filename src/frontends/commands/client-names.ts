/** What a connection's name and its library's name may be, as Redis checks it. */
import { errorReply } from '../../protocol/reply.ts'

export const NAME_ERROR = errorReply(
  'ERR Client names cannot contain spaces, newlines or special characters.',
)

/** Printable ASCII without spaces; may be empty. */
export function isClientName(name: Buffer): boolean {
  return name.every((byte) => byte > 0x20 && byte < 0x7f)
}
