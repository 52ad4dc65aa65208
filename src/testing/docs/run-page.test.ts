/** A page is run as a reader would, and fails at the first thing that is not as it says. All on this machine. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { blocksOf } from './blocks.ts'
import { exampleScript } from './example-script.ts'
import { READERS } from './readers.ts'
import { type PageOptions, runPage } from './run-page.ts'
import type { Place } from './shell.ts'

const fenced = (info: string, text: string): string => `\`\`\`${info}\n${text}\n\`\`\`\n`

describe('running a page', () => {
  let folder = ''
  const place = (): Place => ({ prefix: [], folder: join(folder, 'home'), scratch: folder, path: [] })
  const run = (markdown: string, options: PageOptions = {}): Promise<void> =>
    runPage(place(), blocksOf('page.md', markdown), options)

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvorum-page-'))
    mkdirSync(join(folder, 'home'))
  })
  after(() => rmSync(folder, { recursive: true }))

  test('compares what each command shows', async () => {
    await run(fenced('console', '$ echo one; echo two\none\n...\n$ printf x\nx'))
    await assert.rejects(
      run(fenced('console', '$ echo one\ntwo')),
      /page\.md:1 shows something else:\n\$ echo one/,
    )
    await assert.rejects(run(fenced('console', '$ echo one')), /shows something else/)
    await assert.rejects(run(fenced('console', '$ echo no >&2; false')), /shows something else:[\s\S]*no/)
  })

  test('takes what goes to stderr, or leaves it', async () => {
    await run(fenced('console', '$ echo waiting >&2; echo done\ndone\n$ echo refused >&2\nrefused'))
  })

  test('fails with the first command of a script that fails, or is refused', async () => {
    await assert.rejects(run(fenced('sh', 'false\necho on')), /page\.md:1 ended with status 1/)
    await assert.rejects(run(fenced('sh', "echo '(error) ERR no'")), /\(error\) ERR no/)
  })

  test('keeps what was exported, and the folder', async () => {
    const page =
      fenced('sh', 'mkdir -p a\ncd a\nexport WORD="b c"') +
      fenced('console', '$ echo "$WORD $(basename "$PWD")"\nb c a')
    await run(page)
  })

  test('writes a file where the page says', async () => {
    const page =
      fenced('toml', '# n.toml\nhost = "$HOME"') + fenced('console', '$ tail -1 n.toml\nhost = "$HOME"')
    await run(page)
    await assert.rejects(run(fenced('toml', 'host = "::1"')), /does not say which file it is/)
  })

  test('goes on when a terminal shows what comes first, and wants the rest in the end', async () => {
    const waiting =
      '$ echo first; until [ -e go ]; do sleep 0.02; done; echo second; rm go\nfirst\n...\nsecond'
    await run(fenced('console terminal', waiting) + fenced('sh', 'touch go'))
    await assert.rejects(
      run(fenced('console terminal', '$ echo first\nfirst\n...\nthird')),
      /has ended: echo first/,
    )
    await assert.rejects(run(fenced('sh terminal', 'kvorum() { false; }\nkvorum start')), /has ended/)
  })

  test('leaves out what is marked so', async () => {
    await run(fenced('sh checkout', 'false') + fenced('sh docker', 'false') + fenced('text', 'false'))
  })
})

test('a program in a page is checked, and its comments are compared', () => {
  const script = exampleScript("const a = 1\nawait f('x')   // { ok: true }\ng() // said in words\n")
  assert.match(script, /\ndeepEqual\(await f\('x'\) as object, \{ ok: true \}\)\n/)
  assert.match(script, /\ng\(\) \/\/ said in words\n/)
})

test('the other machines of a cluster have names, addresses and folders of their own', () => {
  const { elsewhere } = READERS['README.md'] ?? {}
  assert.deepEqual(
    elsewhere?.('kvorum start --node-id n1 --host 10.0.0.1 --data /d --cluster n1=10.0.0.1:1'),
    [
      'kvorum start --node-id n2 --host 10.0.0.2 --data /d-n2 --cluster n1=10.0.0.1:1',
      'kvorum start --node-id n3 --host 10.0.0.3 --data /d-n3 --cluster n1=10.0.0.1:1',
    ],
  )
})
