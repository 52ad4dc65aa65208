/** LOLWUT: a maze of slashes, another one each time, and the version. */
import { randomBytes } from 'node:crypto'
import { NOT_AN_INTEGER } from '../../engine/arguments.ts'
import { parseInteger } from '../../engine/integers.ts'
import { must } from '../../lib/assert.ts'
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
  run: (_client, args, door) => {
    // Redis picks a drawing by it; here only its form is looked at.
    const isVersion = args.length > 1 && args[0]?.toString('latin1').toLowerCase() === 'version'
    if (isVersion && parseInteger(must(args[1], 'a version')) === null) return NOT_AN_INTEGER
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
