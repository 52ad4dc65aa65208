/** Hellos and the handshake (R7, R8, R19), step by step without connections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../lib/random.ts'
import { LinkFrame } from './frame.ts'
import { Handshake, type HandshakeStep, type Side } from './handshake.ts'
import { decodeHello, encodeHello, type Hello, NONCE_SIZE, refusalOf } from './hello.ts'

const random = new SeededRandom(1)

function hello(name: string, changes: Partial<Hello> = {}): Hello {
  return {
    name,
    incarnation: `${name}-incarnation`,
    bootId: `${name}-boot`,
    clusterId: '',
    redisAddress: '127.0.0.1:6379',
    httpAddress: '[::1]:8080',
    engineLevel: 3,
    wallMs: 1_767_225_600_000,
    versionMin: 1,
    versionMax: 1,
    features: 0,
    revision: 0,
    lane: 'control',
    hasSecret: false,
    nonce: random.bytes(NONCE_SIZE),
    ...changes,
  }
}

function side(of: Side, own: Hello, secret = ''): Handshake {
  return new Handshake({
    side: of,
    own,
    secrets: secret === '' ? [] : secret.split(' '),
    check: (remote) => refusalOf(own, remote, ''),
  })
}

interface Outcome {
  readonly dialler: HandshakeStep
  readonly acceptor: HandshakeStep
}

/** Runs a handshake to its end; `tamper` sees every payload on its way. */
function run(
  dialler: Handshake,
  acceptor: Handshake,
  tamper = (_type: number, bytes: Buffer) => bytes,
): Outcome {
  const idle: HandshakeStep = { kind: 'refuse', reason: 'not asked' }
  const outcome: { dialler: HandshakeStep; acceptor: HandshakeStep } = { dialler: idle, acceptor: idle }
  let type: number = LinkFrame.hello
  let payload = dialler.hello
  for (let turn = 0; turn < 4; turn++) {
    const [who, at] = turn % 2 === 0 ? ([acceptor, 'acceptor'] as const) : ([dialler, 'dialler'] as const)
    const step = who.receive(type, tamper(type, payload))
    outcome[at] = step
    if (step.kind !== 'send') break
    type = step.type
    payload = step.payload
  }
  return outcome
}

const isTrusted = (step: HandshakeStep): boolean =>
  step.kind === 'trusted' || (step.kind === 'send' && step.trusted)

test('R7: a hello says version range, features, cluster, node, incarnation, boot id, and survives encoding', () => {
  const said = hello('node1', {
    clusterId: 'abc',
    features: 5,
    revision: 9,
    versionMax: 3,
    lane: 'bulk',
    hasSecret: true,
  })
  assert.deepEqual(decodeHello(encodeHello(said)), said)
})

test('R7: a hello from before there were engine levels stands for the first one', () => {
  const said = hello('node1')
  const bytes = encodeHello(said)
  const levelSize = 7
  const before = decodeHello(bytes.subarray(0, bytes.length - levelSize))
  assert.deepEqual(before, { ...said, engineLevel: 1 })
})

test('R7: unknown fields of a hello are skipped', () => {
  const said = hello('node1')
  const bytes = Buffer.concat([encodeHello(said), Buffer.from([250, 2, 0, 1, 2])])
  assert.deepEqual(decodeHello(bytes), said)
})

test('bytes that are no hello are refused and never throw', () => {
  const good = encodeHello(hello('node1'))
  // The fields after the nonce may be absent.
  const optionalSize = 29
  for (let size = 0; size < good.length; size++) {
    const isRefused = typeof decodeHello(good.subarray(0, size)) === 'string'
    assert.ok(isRefused || size >= good.length - optionalSize, `${size} bytes`)
  }
  const property = fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isPrefixed) => {
    const all = isPrefixed ? Buffer.concat([good.subarray(0, 8), bytes]) : Buffer.from(bytes)
    assert.equal(typeof decodeHello(all), 'string')
  })
  fc.assert(property, { numRuns: 300, seed: 7 })
  assert.equal(decodeHello(encodeHello(hello('bad\nname'))), 'malformed hello: name')
})

test('two nodes trust each other without a secret', () => {
  const outcome = run(side('dialled', hello('node1')), side('accepted', hello('node2')))
  assert.ok(isTrusted(outcome.dialler) && isTrusted(outcome.acceptor))
})

test('R19: two nodes with the same secret trust each other, and know whom', () => {
  const dialler = side('dialled', hello('node1', { hasSecret: true, lane: 'bulk' }), 's3cret')
  const acceptor = side('accepted', hello('node2', { hasSecret: true }), 's3cret')
  const outcome = run(dialler, acceptor)
  assert.ok(isTrusted(outcome.dialler) && isTrusted(outcome.acceptor))
  assert.equal(dialler.remote.name, 'node2')
  assert.equal(acceptor.remote.name, 'node1')
  assert.equal(acceptor.remote.lane, 'bulk')
})

test('R19: another secret is refused by the acceptor, before it proves anything itself', () => {
  const dialler = side('dialled', hello('node1', { hasSecret: true }), 'guess')
  const acceptor = side('accepted', hello('node2', { hasSecret: true }), 's3cret')
  const outcome = run(dialler, acceptor)
  assert.deepEqual(outcome.acceptor, { kind: 'refuse', reason: 'the cluster secret does not match' })
  assert.ok(!isTrusted(outcome.dialler))
})

test('R19: an acceptor without the secret is not trusted, even when it lets the dialler in', () => {
  const dialler = side('dialled', hello('node1', { hasSecret: true }), 's3cret')
  const own = hello('node2', { hasSecret: true })
  const impostor = new Handshake({ side: 'accepted', own, secrets: ['guess'], check: () => null })
  const welcome = impostor.receive(LinkFrame.hello, dialler.hello)
  assert.ok(welcome.kind === 'send')
  const proof = dialler.receive(welcome.type, welcome.payload)
  assert.ok(proof.kind === 'send')
  // Sends the dialler's own proof back, or one made with a guess.
  const guess = new Handshake({ side: 'accepted', own, secrets: ['guess'], check: () => null })
  guess.receive(LinkFrame.hello, dialler.hello)
  for (const bytes of [proof.payload, Buffer.alloc(32), Buffer.alloc(0)]) {
    assert.equal(dialler.receive(LinkFrame.proof, bytes).kind, 'refuse')
  }
})

test('R19: while the secret changes, nodes that know the old one, both, or the new one go together', () => {
  const outcomeOf = (dialler: string, acceptor: string): boolean => {
    const outcome = run(
      side('dialled', hello('node1', { hasSecret: true }), dialler),
      side('accepted', hello('node2', { hasSecret: true }), acceptor),
    )
    return isTrusted(outcome.dialler) && isTrusted(outcome.acceptor)
  }
  for (const [one, two] of [
    ['old', 'new old'],
    ['new old', 'new old'],
    ['new old', 'new'],
  ] as const) {
    assert.ok(outcomeOf(one, two) && outcomeOf(two, one), `${one} with ${two}`)
  }
  assert.ok(!outcomeOf('old', 'new') && !outcomeOf('new', 'old'))
  assert.ok(!outcomeOf('guess other', 'new old') && !outcomeOf('new old', 'guess other'))
})

test('R19: proofs of odd sizes, too many or none are refused', () => {
  for (const size of [0, 1, 31, 33, 96, 3_200]) {
    const acceptor = side('accepted', hello('node2', { hasSecret: true }), 'new old')
    acceptor.receive(LinkFrame.hello, encodeHello(hello('node1', { hasSecret: true })))
    assert.equal(acceptor.receive(LinkFrame.proof, Buffer.alloc(size)).kind, 'refuse')
  }
})

test('R19: a proof is worth nothing in another handshake', () => {
  const secret = 's3cret'
  const own = hello('node1', { hasSecret: true })
  const recorded: Buffer[] = []
  run(
    side('dialled', own, secret),
    side('accepted', hello('node2', { hasSecret: true }), secret),
    (type, bytes) => {
      if (type === LinkFrame.proof) recorded.push(bytes)
      return bytes
    },
  )
  const acceptor = side('accepted', hello('node2', { hasSecret: true }), secret)
  acceptor.receive(LinkFrame.hello, encodeHello(own))
  for (const proof of recorded) assert.equal(acceptor.receive(LinkFrame.proof, proof).kind, 'refuse')
})

test('R19: whoever changes a hello on its way breaks the proof', () => {
  const secret = 's3cret'
  const changed = (type: number, bytes: Buffer): Buffer => {
    const said = type === LinkFrame.hello ? decodeHello(bytes) : 'other frame'
    return typeof said === 'string' ? bytes : encodeHello({ ...said, redisAddress: 'evil:6379' })
  }
  const acceptor = side('accepted', hello('node2', { hasSecret: true }), secret)
  const outcome = run(side('dialled', hello('node1', { hasSecret: true }), secret), acceptor, changed)
  assert.equal(outcome.acceptor.kind, 'refuse')
})

test('R7: nodes without a common protocol version refuse each other', () => {
  const outcome = run(
    side('dialled', hello('node1', { versionMin: 3, versionMax: 5 })),
    side('accepted', hello('node2', { versionMin: 2, versionMax: 2 })),
  )
  const reason =
    'no common protocol version: 2 here, 3-5 at node1; stop all nodes and start them with one version of kvorum'
  assert.deepEqual(outcome.acceptor, { kind: 'refuse', reason })
})

test('R8: who is refused, and why', () => {
  const own = hello('node1', { clusterId: 'A' })
  const cases: [Partial<Hello> & { name: string }, string, string | null][] = [
    [{ name: 'node2', clusterId: 'A' }, 'node2', null],
    [{ name: 'node2', clusterId: '' }, '', null],
    [{ name: 'node2', clusterId: 'B' }, '', 'other cluster: node1 belongs to A, node2 to B'],
    [{ name: 'node3' }, 'node2', 'expected node2, found node3'],
    [{ name: 'node1', bootId: 'another' }, '', 'two nodes are named node1'],
    [{ name: 'node9', bootId: own.bootId }, '', 'node1 reached itself'],
    [{ name: 'node2', hasSecret: true }, '', 'node2 wants a cluster secret'],
  ]
  for (const [changes, expectedName, reason] of cases) {
    assert.equal(refusalOf(own, hello(changes.name, changes), expectedName), reason)
  }
})

test('frames out of turn are refused', () => {
  for (const type of [LinkFrame.welcome, LinkFrame.proof, LinkFrame.ping, 16, 255]) {
    assert.equal(side('accepted', hello('node2')).receive(type, Buffer.alloc(0)).kind, 'refuse')
  }
  const acceptor = side('accepted', hello('node2'))
  acceptor.receive(LinkFrame.hello, encodeHello(hello('node1')))
  assert.equal(acceptor.receive(LinkFrame.hello, encodeHello(hello('node1'))).kind, 'refuse')
})

test('a reason from the other side is made fit for a log', () => {
  const step = side('dialled', hello('node1')).receive(LinkFrame.refused, Buffer.from('go\naway \u00e9'))
  assert.equal(step.kind === 'refusedByPeer' && step.reason, 'go?away ??')
})
