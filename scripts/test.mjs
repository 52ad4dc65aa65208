/**
 * `npm test`: lint, types and build, then every test. Words after `--` keep only the test files whose path contains
 * one of them. In CI it also installs the Debian packages that some tests use, and there a skipped test is a failure:
 * what did not run has not passed.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, filesUnder, ROOT, run, runOrExit, say, seconds } from './prepare.mjs'

const TEST_TIMEOUT_MS = 600_000
const skipList = join(ROOT, '.tmp', 'skipped-tests')
const failureReport = join(ROOT, '.tmp', 'failed-tests')
const words = process.argv.slice(2)

ensureInstalled()
if (process.env.CI) runOrExit(process.execPath, [join(ROOT, 'scripts', 'install-test-packages.mjs')])
say('lint...')
runOrExit(process.execPath, [join(ROOT, 'scripts', 'lint.mjs')])
ensureBuilt()
process.exit(runTests())

function runTests() {
  const files = filesUnder('dist').filter(
    (file) => file.endsWith('.test.js') && (words.length === 0 || words.some((word) => file.includes(word))),
  )
  if (files.length === 0) {
    say(`no test file matches ${words.join(' ')}`)
    return 2
  }
  say(`running ${files.length} test files...`)
  const started = Date.now()
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  rmSync(skipList, { force: true })
  const status = run(process.execPath, [
    '--enable-source-maps',
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(ROOT, 'scripts', 'skip-reporter.mjs')}`,
    `--test-reporter-destination=${skipList}`,
    `--test-reporter=${join(ROOT, 'scripts', 'failure-reporter.mjs')}`,
    `--test-reporter-destination=${failureReport}`,
    ...files,
  ])
  if (status !== 0) process.stdout.write(`\n${readFileSync(failureReport, 'utf8')}`)
  say(`tests ${status === 0 ? 'passed' : 'FAILED'} in ${seconds(started)}`)
  return status === 0 ? judgeSkips() : status
}

function judgeSkips() {
  const skipped = readFileSync(skipList, 'utf8').trim()
  if (skipped === '') return 0
  say(`skipped here:\n${skipped}`)
  if (!process.env.CI) return 0
  say('in CI a skipped test is a failure')
  return 1
}
