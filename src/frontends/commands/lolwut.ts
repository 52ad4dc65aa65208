/** LOLWUT: a maze of slashes, another one each time, and the version. */
import { randomBytes } from 'node:crypto'
import { verbatimReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import { REDIS_VERSION } from '../version.ts'

const COLUMNS = 48
const ROWS = 8

export const lolwut = localCommand({
  name: 'lolwut',
  arity: -1,
  flags: ['readonly', 'fast'],
  group: 'server',
  since: '5.0.0',
  categories: ['@read', '@fast'],
  summary: 'Draws something, and tells the version.',
  run: (_client, _args, door) => {
    const rows = Array.from({ length: ROWS }, () =>
      [...randomBytes(COLUMNS)].map((byte) => (byte < 128 ? '\u2571' : '\u2572')).join(''),
    )
    const { version } = door.executor.status()
    return verbatimReply(
      'txt',
      `${rows.join('\n')}\n\nKvorum ver. ${version} (Redis ver. ${REDIS_VERSION})\n`,
    )
  },
})
