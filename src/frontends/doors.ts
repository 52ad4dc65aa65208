/**
 * Opens the front doors of a node and closes them again (R17): the Redis port (RESP, inline text, HTTP for
 * health) and the HTTP port (everything).
 */
import type { Socket } from 'node:net'
import { setPatientTimer } from '../lib/patient-timer.ts'
import type { DoorsOptions } from './config.ts'
import { Door } from './door.ts'
import { HttpDoor } from './http/server.ts'
import { Listener } from './listener.ts'
import { localCommands } from './registry/command-table.ts'
import { NO_TLS } from './security/tls-port.ts'

/** R17: what is left of the doors after this long is cut. */
const CLOSE_MS = 5_000

export interface Doors {
  /** The ports as bound. */
  readonly redisPort: number
  readonly httpPort: number
  /** The doors' counters and tables, for metrics. */
  readonly door: Door
  /** Says on /readyz that this node leaves, while it still serves. */
  drain(): void
  /**
   * R17: stops accepting and reading, answers everything read, half-closes, takes what clients still send
   * without executing it, closes; cuts what is left after 5 s. `done` is called once, when no connection is
   * left.
   */
  close(done: () => void): void
}

export async function openDoors(options: DoorsOptions): Promise<Doors> {
  const { config, log } = options
  const door = new Door(options, localCommands)
  const sockets = new Set<Socket>()
  door.sockets = sockets
  const http = new HttpDoor(door)
  const tls = options.tls ?? NO_TLS
  const web = new Listener(door, 'all', sockets, http.take, tls.http)
  const redis = config.onePort ? web : new Listener(door, 'health', sockets, http.take, tls.redis)
  try {
    if (!config.onePort) door.redisPort = await redis.listen(config.host, config.redisPort)
    door.httpPort = await web.listen(config.host, config.httpPort)
    if (config.onePort) door.redisPort = door.httpPort
    await http.open()
  } catch (error) {
    redis.stopAccepting()
    web.stopAccepting()
    http.close(() => {})
    door.stop()
    throw error
  }
  log('info', 'Doors are open', { host: config.host, redisPort: door.redisPort, httpPort: door.httpPort })
  const close = (done: () => void): void =>
    closeDoors({ door, listeners: [...new Set([redis, web])], http, sockets }, done)
  return { redisPort: door.redisPort, httpPort: door.httpPort, door, drain: () => door.drain(), close }
}

interface Parts {
  readonly door: Door
  readonly listeners: readonly Listener[]
  readonly http: HttpDoor
  readonly sockets: ReadonlySet<Socket>
}

function closeDoors({ door, listeners, http, sockets }: Parts, done: () => void): void {
  door.drain()
  door.isClosing = true
  door.pause.end()
  for (const listener of listeners) listener.stopAccepting()
  for (const listener of listeners) listener.finish()
  http.finish()
  const cut = setPatientTimer(door.clock, CLOSE_MS, () => {
    for (const socket of sockets) socket.destroy()
  })
  whenEmpty(sockets, () => {
    cut.cancel()
    door.stop()
    http.close(done)
  })
}

/** The sockets' own owners take them out of the set when they close. */
function whenEmpty(sockets: ReadonlySet<Socket>, done: () => void): void {
  let left = sockets.size
  if (left === 0) done()
  for (const socket of sockets) {
    socket.once('close', () => {
      left--
      if (left === 0) done()
    })
  }
}
