/**
 * The value of a record's row: what is known of one user key, then its value. Little-endian.
 *
 *   offset size
 *        0    1  format version: 1, or 2 with a content type
 *        1    1  type (RecordType)
 *        2    6  createRevision: revision that created the key
 *        8    6  modRevision: revision of the last change
 *       14    6  version: changes since creation, 1 = created
 *       20    6  createdAt, ms
 *       26    6  updatedAt, ms
 *       32    8  expiresAt, ms; 0 = never
 *       40    -  format 2 only: u8 length and bytes of the content type
 *        -    -  the value itself for strings; a type's own metadata for others
 */
import { assert } from '../lib/assert.ts'
import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from '../lib/bytes.ts'

const PLAIN = 1
const WITH_CONTENT_TYPE = 2
/** Bytes in front of the value, or of the content type. */
const RECORD_HEADER_SIZE = 40

/** The numbers are part of the format. */
export const RecordType = { string: 1 } as const
export type RecordType = (typeof RecordType)[keyof typeof RecordType]

const TYPE_NAMES: Readonly<Record<RecordType, string>> = { [RecordType.string]: 'string' }

/** What a record holds besides its value. Revisions, versions and times of change are 0 to 2^48 - 1. */
export interface RecordHeader {
  type: RecordType
  createRevision: number
  modRevision: number
  version: number
  createdAt: number
  updatedAt: number
  /** 0 = never. */
  expiresAt: number
}

/** A record read from the store; its fields are decoded when asked for. */
export class KeyRecord implements Readonly<RecordHeader> {
  readonly #bytes: Buffer

  /** Asserts that `bytes` is a record of a version this program knows. */
  constructor(bytes: Buffer) {
    assert(bytes.length >= RECORD_HEADER_SIZE, () => `Record has ${bytes.length} bytes, expected at least 40`)
    assert(
      bytes[0] === PLAIN || bytes[0] === WITH_CONTENT_TYPE,
      () => `Record has unknown format ${bytes[0]}`,
    )
    this.#bytes = bytes
  }

  get type(): RecordType {
    return this.#bytes[1] as RecordType
  }

  /** The type as TYPE answers it. */
  get typeName(): string {
    return TYPE_NAMES[this.type]
  }

  get createRevision(): number {
    return readU48(this.#bytes, 2)
  }

  get modRevision(): number {
    return readU48(this.#bytes, 8)
  }

  get version(): number {
    return readU48(this.#bytes, 14)
  }

  get createdAt(): number {
    return readU48(this.#bytes, 20)
  }

  get updatedAt(): number {
    return readU48(this.#bytes, 26)
  }

  get expiresAt(): number {
    return readU64(this.#bytes, 32)
  }

  /** Bytes of the whole row's value. */
  get size(): number {
    return this.#bytes.length
  }

  /** A view of the record: valid and unchanged for as long as it is referenced. */
  get value(): Buffer {
    return this.#bytes.subarray(this.#valueAt)
  }

  /** The bytes of the content type that came with the value, or null; a view as `value` is. */
  get contentType(): Buffer | null {
    return this.#bytes[0] === PLAIN ? null : this.#bytes.subarray(RECORD_HEADER_SIZE + 1, this.#valueAt)
  }

  get #valueAt(): number {
    if (this.#bytes[0] === PLAIN) return RECORD_HEADER_SIZE
    return RECORD_HEADER_SIZE + 1 + (this.#bytes[RECORD_HEADER_SIZE] as number)
  }
}

/** The row's value; copies `value` and `contentType` (at most 255 bytes). */
export function encodeRecord(
  header: Readonly<RecordHeader>,
  value: Buffer,
  contentType: Buffer | null = null,
): Buffer {
  const valueAt = RECORD_HEADER_SIZE + (contentType === null ? 0 : 1 + contentType.length)
  const out = Buffer.allocUnsafe(valueAt + value.length)
  out[0] = contentType === null ? PLAIN : WITH_CONTENT_TYPE
  out[1] = header.type
  writeU48(out, 2, header.createRevision)
  writeU48(out, 8, header.modRevision)
  writeU48(out, 14, header.version)
  writeU48(out, 20, header.createdAt)
  writeU48(out, 26, header.updatedAt)
  writeU64(out, 32, header.expiresAt)
  if (contentType !== null) {
    assert(contentType.length <= 255, () => `Content type has ${contentType.length} bytes, at most 255 fit`)
    out[RECORD_HEADER_SIZE] = contentType.length
    contentType.copy(out, RECORD_HEADER_SIZE + 1)
  }
  value.copy(out, valueAt)
  return out
}

function writeU48(out: Buffer, offset: number, value: number): void {
  writeU32(out, offset, value % 2 ** 32)
  writeU16(out, offset + 4, Math.floor(value / 2 ** 32))
}

function readU48(bytes: Buffer, offset: number): number {
  return readU16(bytes, offset + 4) * 2 ** 32 + readU32(bytes, offset)
}
