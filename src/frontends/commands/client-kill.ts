/** CLIENT KILL: its old form with one address, and its new form with filters that all have to hold. */
import { parseInteger } from '../../engine/integers.ts'
import { errorReply, integerReply, OK_REPLY } from '../../protocol/reply.ts'
import type { Client } from '../client.ts'
import type { ConnectedClient } from '../connection/clients.ts'
import type { Door } from '../door.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'
import { parseClientType, typeOf } from './client-list.ts'

type Test = (client: ConnectedClient, door: Door) => boolean

interface Filters {
  readonly tests: Test[]
  skipsSelf: boolean
}

/** `args` are those behind CLIENT KILL. */
export function killClients(self: Client, args: readonly Buffer[], door: Door): Buffer {
  if (args.length === 1) return killOne(self, (args[0] as Buffer).toString('latin1'), door)
  const filters = parseFilters(args, door)
  if (Buffer.isBuffer(filters)) return filters
  const chosen = [...door.clients.all.values()].filter((client) => {
    return !(filters.skipsSelf && client.id === self.id) && filters.tests.every((test) => test(client, door))
  })
  for (const client of chosen) kill(self, client)
  return integerReply(chosen.length)
}

function killOne(self: Client, address: string, door: Door): Buffer {
  const client = [...door.clients.all.values()].find((one) => one.peer === address)
  if (client === undefined) return errorReply('ERR No such client')
  kill(self, client)
  return OK_REPLY
}

/** Who kills itself still gets the answer. */
function kill(self: Client, client: ConnectedClient): void {
  if (client.id === self.id) self.closeAfterReply()
  else client.destroy()
}

function parseFilters(args: readonly Buffer[], door: Door): Filters | Buffer {
  const filters: Filters = { tests: [], skipsSelf: true }
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1]
    if (value === undefined) return SYNTAX_ERROR
    const refusal = addFilter(filters, (args[i] as Buffer).toString('latin1').toLowerCase(), value, door)
    if (refusal !== null) return refusal
  }
  return filters
}

/** Adds one filter, or gives the error reply. */
function addFilter(filters: Filters, name: string, value: Buffer, door: Door): Buffer | null {
  const text = value.toString('latin1')
  switch (name) {
    case 'id':
      return addNumber(
        filters,
        value,
        'ERR client-id should be greater than 0',
        (id) => (one) => one.id === id,
      )
    case 'maxage':
      return addNumber(filters, value, 'ERR maxage is not an integer or out of range', (seconds) => {
        return (one) => door.clock.monotonicMs() - one.connectedAtMs >= seconds * 1000
      })
    case 'type': {
      const type = parseClientType(value)
      if (Buffer.isBuffer(type)) return type
      filters.tests.push((one) => typeOf(one, door) === type)
      return null
    }
    case 'user':
      if (text !== door.principal.name) return errorReply(`ERR No such user '${text}'`)
      return null
    case 'addr':
      filters.tests.push((one) => one.peer === text)
      return null
    case 'laddr':
      filters.tests.push((one) => one.local === text)
      return null
    case 'skipme':
      if (!/^(yes|no)$/i.test(text)) return SYNTAX_ERROR
      filters.skipsSelf = text.toLowerCase() === 'yes'
      return null
    default:
      return SYNTAX_ERROR
  }
}

function addNumber(
  filters: Filters,
  value: Buffer,
  refusal: string,
  test: (number: number) => Test,
): Buffer | null {
  const number = parseInteger(value)
  if (number === null || number < 1) return errorReply(refusal)
  filters.tests.push(test(Number(number)))
  return null
}
