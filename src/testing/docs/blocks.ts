/**
 * The fenced blocks of the documents. Each has a language, and maybe marks behind it (```sh terminal) that say how it
 * is run or why it is not. The two tables here are all there is: a block in another form fails a test.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from '../source-tree.ts'

/** What a block may be written in, and what is done with it. */
const LANGUAGES: Readonly<Record<string, string>> = {
  console: 'commands behind $, each run, its output compared with what is shown; ... stands for anything',
  sh: 'a script, run as a whole; every command of it must succeed',
  ts: 'a program: checked against the types of the package, then run; values in comments are compared',
  toml: 'a configuration of a node: read by its own parser, and written where its first line says',
  lua: 'a script: written where its first line says',
  yaml: 'a configuration of Prometheus: checked by promtool',
  promql: 'the expression of an alert: compared with the rules that are shipped',
  text: 'a drawing, or lines of a protocol: not run',
}

/** What blocks of console and sh may be marked with. */
export const MARKS: Readonly<Record<string, string>> = {
  terminal: 'goes on in a terminal of its own: one for the script, or one for each $',
  deploy: 'takes longer: run by npm run test:deploy',
  checkout: 'installs things or takes minutes: that the npm scripts and their arguments exist is checked',
  docker:
    'needs a Docker engine: run by npm run test:docker; that services, containers and files exist is checked',
}

export interface Block {
  /** The document, as a path in the project. */
  readonly page: string
  /** Of the opening fence. */
  readonly line: number
  readonly language: string
  readonly marks: readonly string[]
  /** With a line end behind each line. */
  readonly text: string
}

/** README.md and everything below docs/. */
export function pagePaths(root: string): string[] {
  return ['README.md', ...filesBelow(root, 'docs').filter((path) => path.endsWith('.md'))]
}

/** Every fenced block of a document. Throws for one without an end. */
export function blocksOfPage(root: string, page: string): Block[] {
  return blocksOf(page, readFileSync(join(root, page), 'utf8'))
}

const OPENING = /^( *)```(.*)$/

/** Every fenced block; its text without the indentation of the fence. Throws for one without an end. */
export function blocksOf(page: string, markdown: string): Block[] {
  const blocks: Block[] = []
  const lines = markdown.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const opening = OPENING.exec(lines[i] ?? '')
    if (opening === null) continue
    const [, indent = '', info = ''] = opening
    const end = lines.indexOf(`${indent}\`\`\``, i + 1)
    if (end < 0) throw new Error(`${page}:${i + 1}: the block has no end`)
    const [language = '', ...marks] = info.trim().split(/\s+/)
    const text = lines
      .slice(i + 1, end)
      .map((line) => `${line.slice(indent.length)}\n`)
      .join('')
    blocks.push({ page, line: i + 1, language, marks, text })
    i = end
  }
  return blocks
}

/** Why nobody would know what to do with this block; null when all is well. */
export function problemOf({ language, marks, text }: Block): string | null {
  if (!Object.hasOwn(LANGUAGES, language)) return `'${language}' is no language of a block`
  const unknown = marks.find((mark) => !Object.hasOwn(MARKS, mark))
  if (unknown !== undefined) return `'${unknown}' is no mark of a block`
  if (language === 'console' && !text.startsWith('$ ')) return 'a console begins with a command behind $'
  const isRun = language === 'sh' || language === 'console'
  return isRun || marks.length === 0 ? null : `a block of ${language} has no marks`
}

/** Blocks without a fence, which nothing here would see: 'page:line' of each. */
export function indentedBlocks(page: string, markdown: string): string[] {
  const prose = markdown.replace(/^( *)```[\s\S]*?^\1```/gm, (block) => block.replace(/[^\n]/g, ''))
  const lines = prose.split('\n')
  return lines.flatMap((line, i) => (/^ {4}\S/.test(line) && lines[i - 1] === '' ? [`${page}:${i + 1}`] : []))
}

export interface Step {
  readonly command: string
  /** The output that is shown below it; '' = none. */
  readonly wanted: string
}

/** The commands of a console: lines behind `$ `; one that ends with a backslash goes on in the next line. */
export function stepsOf(text: string): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, command = '', wanted = ''] = /^((?:.*\\\n)*.*)\n?([\s\S]*)$/.exec(part.trimEnd()) ?? []
      return { command, wanted }
    })
}

/** The output that is shown, as a pattern; `...` stands for anything, on a line of its own for any number of lines. */
export function patternOf(wanted: string): RegExp {
  const parts = wanted.split(/(^\.{3}\n|\.{3})/m).map((part) => {
    if (part === '...\n') return '(?:[\\s\\S]*\\n)?'
    return part === '...' ? '[\\s\\S]*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`)
}
