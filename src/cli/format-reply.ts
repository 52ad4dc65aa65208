/** Replies as redis-cli prints them: typed and numbered for people, bare for programs. */
import type { Reply } from '../client/reply.ts'

/** `(integer) 3`, `"text"`, `1) "a"`: the form for a terminal, without a line end. */
export function formatReply(reply: Reply, indent = ''): string {
  switch (reply.kind) {
    case 'status':
      return reply.text
    case 'error':
      return `(error) ${reply.text}`
    case 'integer':
      return `(integer) ${reply.value}`
    case 'double':
      return `(double) ${reply.text}`
    case 'boolean':
      return reply.value ? '(true)' : '(false)'
    case 'null':
      return '(nil)'
    case 'bulk':
      return quote(reply.bytes)
    case 'map':
      return formatPairs(reply.pairs, indent)
    default:
      return formatItems(reply.kind, reply.items, indent)
  }
}

/** One value per line, nothing else: the form for pipes. */
export function bareReply(reply: Reply): string {
  switch (reply.kind) {
    case 'status':
    case 'error':
    case 'double':
      return reply.text
    case 'integer':
    case 'boolean':
      return String(reply.value)
    case 'null':
      return ''
    case 'bulk':
      return reply.bytes.toString()
    case 'map':
      return reply.pairs.map(([key, value]) => `${bareReply(key)} ${bareReply(value)}`).join('\n')
    default:
      return reply.items.map(bareReply).join('\n')
  }
}

/** Bytes in double quotes; what is not printable UTF-8 as \xNN. */
export function quote(bytes: Buffer): string {
  const text = bytes.toString()
  const isText = Buffer.from(text).equals(bytes)
  let out = ''
  for (const character of isText ? text : bytes.toString('latin1'))
    out += ESCAPES[character] ?? escaped(character, isText)
  return `"${out}"`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u0007': '\\a',
  '\b': '\\b',
}

function escaped(character: string, isText: boolean): string {
  const code = character.codePointAt(0) ?? 0
  const printable = code >= 0x20 && code !== 0x7f && (code < 0x7f || (isText && code >= 0xa0))
  return printable ? character : `\\x${code.toString(16).padStart(2, '0')}`
}

function formatItems(kind: 'array' | 'set' | 'push', items: readonly Reply[], indent: string): string {
  if (items.length === 0) return `(empty ${kind})`
  const mark = kind === 'set' ? '~' : ')'
  const width = String(items.length).length
  const lines = items.map((item, index) => {
    const head = `${String(index + 1).padStart(width)}${mark} `
    return head + formatReply(item, indent + ' '.repeat(head.length))
  })
  return lines.join(`\n${indent}`)
}

function formatPairs(pairs: readonly (readonly [Reply, Reply])[], indent: string): string {
  if (pairs.length === 0) return '(empty hash)'
  const width = String(pairs.length).length
  const lines = pairs.map(([key, value], index) => {
    const head = `${String(index + 1).padStart(width)}# ${formatReply(key)} => `
    return head + formatReply(value, indent + ' '.repeat(head.length))
  })
  return lines.join(`\n${indent}`)
}
