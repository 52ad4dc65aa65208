/** ACL: what there is to say of the one user, and the categories of commands. */
import { randomBytes } from 'node:crypto'
import { NOT_AN_INTEGER } from '../../engine/arguments.ts'
import { parseInteger } from '../../engine/integers.ts'
import {
  arrayReply,
  EMPTY_ARRAY_REPLY,
  errorReply,
  mapReply,
  NULL_REPLY,
  setReply,
  simpleReply,
  textReply,
} from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { supportedSubcommands } from '../registry/commands.ts'
import { helpOf } from './help.ts'
import { refusedSubcommands } from './refusals.ts'

const row = {
  group: 'server',
  since: '6.0.0',
  flags: ['noscript', 'loading', 'stale'],
  categories: ['@slow'],
}
const adminRow = {
  ...row,
  flags: ['admin', ...row.flags],
  categories: ['@admin', '@slow', '@dangerous'],
}
/** As Redis: GENPASS gives 256 bits when not told otherwise, 4096 at most. */
const PASSWORD_BITS = 256
const PASSWORD_BITS_MAX = 4096

const whoami = localCommand({
  ...row,
  name: 'acl|whoami',
  arity: 2,
  summary: 'The user of this connection.',
  run: (_client, _args, door) => textReply(door.principal.name),
})

const users = localCommand({
  ...adminRow,
  name: 'acl|users',
  arity: 2,
  summary: 'The one user there is.',
  run: (_client, _args, door) => arrayReply([textReply(door.principal.name)]),
})

const list = localCommand({
  ...adminRow,
  name: 'acl|list',
  arity: 2,
  summary: 'What the one user may do: everything.',
  run: (_client, _args, door) => {
    const password = door.hasPassword ? '#(hidden)' : 'nopass'
    return arrayReply([textReply(`user ${door.principal.name} on ${password} ~* &* +@all`)])
  },
})

const getUser = localCommand({
  ...adminRow,
  name: 'acl|getuser',
  arity: 3,
  summary: 'What a user may do; null when there is no such user.',
  run: (_client, args, door) => {
    if ((args[0] as Buffer).toString('latin1') !== door.principal.name) return NULL_REPLY
    const flags = door.hasPassword ? ['on'] : ['on', 'nopass']
    const texts = { commands: '+@all', keys: '~*', channels: '&*' }
    return mapReply([
      textReply('flags'),
      setReply(flags.map(simpleReply)),
      textReply('passwords'),
      EMPTY_ARRAY_REPLY,
      ...Object.entries(texts).flatMap(([name, text]) => [textReply(name), textReply(text)]),
      textReply('selectors'),
      EMPTY_ARRAY_REPLY,
    ])
  },
})

const cat = localCommand({
  ...row,
  name: 'acl|cat',
  arity: -2,
  summary: 'The categories of commands, or the commands of one.',
  run: (_client, args, door) => {
    const [category] = args
    if (category === undefined) return arrayReply([...categoriesOf(door).keys()].sort().map(textReply))
    const name = category.toString('latin1').toLowerCase()
    const names = categoriesOf(door).get(name)
    if (names === undefined) return errorReply(`ERR Unknown category '${name}'`)
    return arrayReply(names.map(textReply))
  },
})

const genpass = localCommand({
  ...row,
  name: 'acl|genpass',
  arity: -2,
  summary: 'Makes a random password: hexadecimal digits of 256 bits, or of as many as are asked for.',
  run: (_client, args) => {
    const bits = args.length === 0 ? PASSWORD_BITS : parseInteger(args[0] as Buffer)
    if (bits === null) return NOT_AN_INTEGER
    if (bits <= 0 || bits > PASSWORD_BITS_MAX) {
      return errorReply(
        'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096',
      )
    }
    const digits = Math.ceil(Number(bits) / 4)
    return textReply(
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
    )
  },
})

export const acl = localCommand({
  ...row,
  name: 'acl',
  arity: -2,
  flags: [],
  summary: 'A container for access control commands.',
  subcommands: [
    whoami,
    users,
    getUser,
    list,
    cat,
    genpass,
    ...refusedSubcommands('acl'),
    helpOf('acl', '6.0.0'),
  ],
})

/** Command names by category, without '@'. */
function categoriesOf(door: Door): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { spec } of door.commands.supported.flatMap((entry) => [
    entry,
    ...supportedSubcommands(entry),
  ])) {
    for (const category of spec.categories) {
      const name = category.slice(1)
      found.set(name, [...(found.get(name) ?? []), spec.name])
    }
  }
  return found
}
