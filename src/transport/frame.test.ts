/** The frame format: what goes in comes out, damage and limits are noticed, whatever the chunks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeU16, writeU32 } from '../lib/bytes.ts'
import { crc32 } from '../lib/crc32.ts'
import { limits } from '../protocol/limits.ts'
import { FRAME_HEADER_SIZE, FrameWriter } from './frame.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { FrameType } from './types.ts'

interface Frame {
  readonly type: number
  readonly group: number
  readonly payload: Buffer
}

function encode(frames: readonly { type: number; group: number; chunks: Buffer[] }[]): Buffer[] {
  const out: Buffer[] = []
  const writer = new FrameWriter((bytes) => out.push(bytes))
  for (const { type, group, chunks } of frames) {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    assert.equal(writer.write(type, group, chunks, size), FRAME_HEADER_SIZE + size)
  }
  return out
}

/** Pushes `bytes` in pieces of the given sizes (repeated) and returns all frames and the last result. */
function decode(
  bytes: Buffer,
  sizes: readonly number[],
  sizeMax: number = limits.frameBytes,
): [Frame[], string] {
  const decoder = new FrameDecoder(sizeMax)
  const frames: Frame[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + (sizes[i % sizes.length] ?? 1))
    decoder.push(bytes.subarray(at, end))
    at = end
    for (;;) {
      const result = decoder.next()
      if (result === 'more') break
      if (result !== 'frame') return [frames, result]
      frames.push({ type: decoder.type, group: decoder.group, payload: decoder.payload })
    }
  }
  return [frames, 'more']
}

const chunk = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 1_000, max: 20_000 }).map((size) => new Uint8Array(size).fill(size & 0xff)),
)
const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  group: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  chunks: fc.array(
    chunk.map((bytes) => Buffer.from(bytes)),
    { maxLength: 5 },
  ),
})

test('frames come out as they went in, however the stream is cut', () => {
  const property = fc.property(
    fc.array(frame, { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 8 }),
    (frames, sizes) => {
      const [decoded, result] = decode(Buffer.concat(encode(frames)), sizes)
      assert.equal(result, 'more')
      assert.deepEqual(
        decoded,
        frames.map(({ type, group, chunks }) => ({ type, group, payload: Buffer.concat(chunks) })),
      )
    },
  )
  fc.assert(property, { numRuns: 150, seed: 41 })
})

test('frames come out when every byte arrives alone', () => {
  const frames = [1, 300, 9_000].map((size, i) => ({
    type: i,
    group: i,
    chunks: [Buffer.alloc(size, i + 1)],
  }))
  const [decoded] = decode(Buffer.concat(encode(frames)), [1])
  assert.deepEqual(
    decoded.map((one) => one.payload),
    frames.map((one) => one.chunks[0]),
  )
})

test('payloads stay valid after later frames were decoded', () => {
  const decoder = new FrameDecoder(limits.frameBytes)
  const payloads: Buffer[] = []
  for (let i = 0; i < 50; i++) {
    const bytes = Buffer.concat(encode([{ type: 16, group: 0, chunks: [Buffer.alloc(100 + i, i)] }]))
    for (const half of [bytes.subarray(0, 60), bytes.subarray(60)]) {
      decoder.push(half)
      while (decoder.next() === 'frame') payloads.push(decoder.payload)
    }
  }
  payloads.forEach((payload, i) => {
    assert.deepEqual(payload, Buffer.alloc(100 + i, i))
  })
})

test('small frames of one turn share memory, large chunks pass by reference', () => {
  const large = Buffer.alloc(100_000)
  const small = Buffer.from('small')
  const out = encode([
    { type: 16, group: 0, chunks: [small] },
    { type: 16, group: 0, chunks: [small, large, small] },
  ])
  assert.equal(out[0]?.buffer, out[1]?.buffer)
  assert.equal(out[2], large)
  assert.equal(out[3]?.length, small.length)
})

test('R7: extensions that this version does not know are skipped', () => {
  const extensions = Buffer.from([1, 2, 9, 9, 200, 1, 7])
  const payload = Buffer.from('payload')
  const bytes = Buffer.alloc(FRAME_HEADER_SIZE)
  writeU32(bytes, 0, 12 + extensions.length + payload.length)
  bytes[8] = 16
  bytes[9] = 0xff
  writeU16(bytes, 10, extensions.length)
  writeU32(bytes, 12, 5)
  const all = Buffer.concat([bytes, extensions, payload])
  writeU32(all, 4, crc32(all.subarray(8), all.length - 4))
  assert.deepEqual(decode(all, [3]), [[{ type: 16, group: 5, payload }], 'more'])
})

test('a damaged frame is noticed, wherever the damage is', () => {
  const good = Buffer.concat(encode([{ type: 16, group: 7, chunks: [Buffer.from('some payload')] }]))
  for (let i = 0; i < good.length; i++) {
    const bad = Buffer.from(good)
    bad[i] = (bad[i] as number) ^ 0x10
    const [frames, result] = decode(Buffer.concat([bad, good]), [1_000], 100_000)
    assert.deepEqual(frames, [], `byte ${i}`)
    // A damaged length may also promise bytes that never come.
    assert.ok(
      result === 'damaged' || result === 'tooLarge' || (i < 4 && result === 'more'),
      `byte ${i}: ${result}`,
    )
  }
})

test('forwarded commands have no checksum of their own yet: damage anywhere in them is noticed', () => {
  for (const size of [6_000, 100_000]) {
    const chunks = [Buffer.alloc(20, 1), Buffer.alloc(size, 2)]
    const bad = Buffer.concat(encode([{ type: FrameType.forward, group: 0, chunks }]))
    assert.equal(decode(bad, [1_000])[1], 'more')
    bad[bad.length - 1] = 3
    assert.deepEqual(decode(bad, [1_000]), [[], 'damaged'])
  }
})

test('garbage never yields a frame and never throws', () => {
  const property = fc.property(fc.uint8Array({ minLength: 20, maxLength: 400 }), (bytes) => {
    const [frames] = decode(Buffer.from(bytes), [7])
    assert.deepEqual(frames, [])
  })
  fc.assert(property, { numRuns: 300, seed: 42 })
})

test('R20: a frame over the limit is refused by its length, before its bytes arrive', () => {
  const head = Buffer.alloc(4)
  writeU32(head, 0, 1_001 - 4)
  assert.equal(decode(head, [4], 1_000)[1], 'tooLarge')
  assert.equal(decode(head, [1], 1_000)[1], 'tooLarge')
  writeU32(head, 0, 1_000 - 4)
  assert.equal(decode(head, [4], 1_000)[1], 'more')
})

test('R20: a frame over the limit cannot be sent', () => {
  const writer = new FrameWriter(() => assert.fail('nothing may leave'))
  assert.throws(() => writer.write(16, 0, [], limits.frameBytes), /the limit is/)
})

test('a large frame in small pieces is decoded in linear time', () => {
  const payload = Buffer.alloc(16 * 1024 * 1024, 3)
  const bytes = Buffer.concat(encode([{ type: 16, group: 0, chunks: [payload] }]))
  const [frames] = decode(bytes, [1_448])
  assert.equal(frames[0]?.payload.length, payload.length)
  assert.ok(frames[0]?.payload.equals(payload))
})

test('frames of every size pass the place where one slab is full and the next begins', () => {
  for (let lead = 0; lead < 96; lead++) {
    const small = (n: number): Buffer => Buffer.alloc(n, n)
    const frames = [{ type: 16, group: 0, chunks: [small(lead)] }]
    // Frames that are not copied whole: a small chunk, then one that goes by reference.
    for (let i = 0; i < 700; i++)
      frames.push({ type: 17, group: 0, chunks: [small(64), Buffer.alloc(9_000, i)] })
    const [decoded, last] = decode(Buffer.concat(encode(frames)), [64 * 1024])
    assert.equal(last, 'more')
    assert.equal(decoded.length, frames.length)
    assert.deepEqual(decoded.at(-1)?.payload, Buffer.concat(frames.at(-1)?.chunks ?? []))
  }
})
