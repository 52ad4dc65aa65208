/**
 * A program that looks like a node from outside, for tests of the launcher: takes the flags of `kvorum start`, serves
 * /readyz and a few RESP commands, keeps who leads in a file beside the data folders. It stores nothing.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { type Reply, ReplyParser } from '../../client/reply.ts'
import { processIdentity } from '../../server/process-identity.ts'

const flags = new Map(process.argv.slice(3).map((text) => splitFlag(text)))
const name = flags.get('node-id') ?? ''
const folder = dirname(flags.get('data') ?? '')
const members = (flags.get('cluster') ?? '').split(',').map((member) => member.split('=')[0] ?? '')

if (process.env.FAKE_NODE_FAILS === name) {
  process.stdout.write('{"level":"error","node":"x","message":"cannot open the log"}\n')
  process.exit(1)
}
mkdirSync(flags.get('data') ?? '', { recursive: true })
writeFileSync(join(folder, `${name}.fake`), String(process.pid))
createServer(serve).listen(Number(flags.get('redis-port')), '127.0.0.1')
createHttpServer((_request, response) => {
  const ready = leader() !== ''
  response.writeHead(ready ? 200 : 503).end(ready ? '[+]leader ok\n' : '[+]node ok\n[-]leader none\n')
}).listen(Number(flags.get('http-port')), '127.0.0.1')
process.stdout.write(
  `${JSON.stringify({ time: new Date().toISOString(), level: 'info', node: name, message: 'up' })}\n`,
)
process.on('SIGTERM', () => process.exit(0))

function splitFlag(text: string): [string, string] {
  const [flag = '', ...value] = text.replace(/^--/, '').split('=')
  return [flag, value.join('=')]
}

function alive(member: string): boolean {
  return processIdentity(Number(readText(`${member}.fake`))) !== null
}

/** The recorded leader while it lives; then another member; the last one at the beginning. */
function leader(): string {
  const living = members.filter(alive)
  if (living.length * 2 <= members.length) return ''
  const recorded = readText('leader.fake')
  if (living.includes(recorded)) return recorded
  return recorded === '' ? (living.at(-1) ?? '') : (living[0] ?? '')
}

function readText(file: string): string {
  try {
    return readFileSync(join(folder, file), 'utf8')
  } catch {
    return ''
  }
}

function serve(socket: Socket): void {
  const parser = new ReplyParser()
  socket.on('error', () => {})
  socket.on('data', (chunk) => parser.push(chunk, (command) => socket.write(answer(words(command)))))
}

function words(command: Reply): string[] {
  if (command.kind !== 'array') return []
  return command.items.map((item) => (item.kind === 'bulk' ? item.bytes.toString() : ''))
}

function answer(args: readonly string[]): string {
  const [command = '', ...rest] = args
  if (command === 'HELLO') return '%1\r\n+proto\r\n:3\r\n'
  if (command === 'GET') return rest[0] === 'missing' ? '_\r\n' : '$5\r\nvalue\r\n'
  if (command === 'SET') return rest.includes('NX') ? '_\r\n' : '+OK\r\n'
  if (command === 'DEL') return `:${rest.length}\r\n`
  if (command === 'REFUSE') return '-MASTERDOWN no majority of the cluster is reachable\r\n'
  if (command === 'KVORUM' && rest[0] === 'STATUS') return bulk(JSON.stringify(status()))
  if (command === 'KVORUM' && rest[0] === 'LEADER') {
    writeFileSync(join(folder, 'leader.fake'), rest[2] ?? '')
    return '+OK\r\n'
  }
  if (command === 'KVORUM' && rest[0] === 'NODE') return '+OK\r\n'
  return `-ERR unknown command '${command}'\r\n`
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

function status(): object {
  const leads = leader()
  const peers = members.map((member) => ({
    member: { name: member, peerAddress: '127.0.0.1:1' },
    voter: true,
    learner: false,
    reachable: alive(member),
    matchIndex: 0,
    lastHeardMs: null,
    redisAddress: '',
  }))
  const counts = { term: 1, commitIndex: 1, appliedIndex: 1, revision: 1 }
  const state = { ready: leads !== '', reasons: [], quorum: leads !== '', space: 'ok', keyspace: [], peers }
  return {
    name,
    role: leads === name ? 'leader' : 'follower',
    leader: leads,
    clusterId: 'fake',
    version: '0',
    ...counts,
    ...state,
  }
}
