/**
 * Documents whose commands are run: every `$ command` of their console blocks, and the output that must follow, in
 * which `...` stands for anything.
 */
import { execFile } from 'node:child_process'

export interface Step {
  readonly command: string
  readonly wanted: string
}

const LIMIT_MS = 120_000

export function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```console\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '')
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [command = '', ...wanted] = text.trimEnd().split('\n')
        return { command, wanted: wanted.join('\n') }
      }),
  )
}

/** The expected output as a pattern. */
export function patternOf(wanted: string): RegExp {
  const parts = wanted.split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`)
}

/** Everything the command printed, without the last line end and without the CRs of HTTP's headers. */
export function runShell(command: string, folder: string): Promise<string> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', command], { cwd: folder, timeout: LIMIT_MS }, (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`.replaceAll('\r', '').trimEnd())
    })
  })
}
