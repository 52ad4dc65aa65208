/** SHA-1 (FIPS 180-4), as names of scripts need it: for layers that may not import node:crypto, not for secrets. */

const BLOCK = 64
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]

/** The digest in lower-case hexadecimal. */
export function sha1Hex(bytes: Buffer): string {
  const state = Int32Array.from(INITIAL)
  const words = new Int32Array(80)
  const whole = bytes.length - (bytes.length % BLOCK)
  for (let at = 0; at < whole; at += BLOCK) mix(state, words, bytes, at)
  const tail = padding(bytes.subarray(whole), bytes.length)
  for (let at = 0; at < tail.length; at += BLOCK) mix(state, words, tail, at)
  let text = ''
  for (const word of state) text += (word >>> 0).toString(16).padStart(8, '0')
  return text
}

/** The rest, a one bit, zeros, and the length in bits. */
function padding(rest: Buffer, length: number): Buffer {
  const size = rest.length + 9 > BLOCK ? 2 * BLOCK : BLOCK
  const tail = Buffer.alloc(size)
  rest.copy(tail)
  tail[rest.length] = 0x80
  tail.writeUInt32BE(Math.floor(length / 2 ** 29), size - 8)
  tail.writeUInt32BE((length * 8) >>> 0, size - 4)
  return tail
}

function mix(state: Int32Array, words: Int32Array, bytes: Buffer, at: number): void {
  for (let i = 0; i < 16; i++) words[i] = bytes.readInt32BE(at + 4 * i)
  for (let i = 16; i < 80; i++)
    words[i] = rotate(word(words, i - 3) ^ word(words, i - 8) ^ word(words, i - 14) ^ word(words, i - 16), 1)
  let [a, b, c, d, e] = state as unknown as [number, number, number, number, number]
  for (let i = 0; i < 80; i++) {
    const next = (rotate(a, 5) + choose(i, b, c, d) + e + word(words, i)) | 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  for (const [i, value] of [a, b, c, d, e].entries()) state[i] = (state[i] as number) + value
}

/** The round's function with its constant. */
function choose(round: number, b: number, c: number, d: number): number {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
  return (b ^ c ^ d) + 0xca62c1d6
}

function word(words: Int32Array, i: number): number {
  return words[i] as number
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
