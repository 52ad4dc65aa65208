/** RANDOMKEY: any key of the database, by a linearizable read (engine/random-key.ts says how it is chosen). */
import { randomInt } from 'node:crypto'
import { randomKeyCommand } from '../../engine/random-key.ts'
import { localCommand } from '../client.ts'

export const randomkey = localCommand({
  name: 'randomkey',
  arity: 1,
  flags: ['readonly'],
  group: 'generic',
  since: '1.0.0',
  categories: ['@keyspace', '@read', '@slow'],
  inTransaction: 'alone',
  summary: 'Gives some key of the database.',
  run: (client) => {
    client.execute(randomKeyCommand(client.database, randomInt(2 ** 32)))
    return null
  },
})
