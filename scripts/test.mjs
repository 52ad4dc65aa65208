/**
 * `npm test`: lint, types and build, then every test. Words after `--` keep only the test files whose path contains
 * one of them. In CI it also installs the Debian packages that some tests use, and there a skipped test is a failure:
 * what did not run has not passed. A file in which nothing but waits for real processes ran out is run once more, alone:
 * a machine that others use may have stood still. Whatever else fails, a wrong value above all, counts at once.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, filesUnder, ROOT, run, runOrExit, say, seconds } from './prepare.mjs'

const TEST_TIMEOUT_MS = 600_000
/** More files than this do not fail because a machine stood still. */
const RUN_AGAIN = 3
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
  const first = runFiles(files, 2)
  const passed = first.status === 0 || passAgain(first.failures)
  say(`tests ${passed ? 'passed' : 'FAILED'} in ${seconds(started)}`)
  return passed ? judgeSkips(first.skipped) : 1
}

/** Runs test files, so many at a time; tells of those that failed. */
function runFiles(files, concurrency) {
  for (const file of [skipList, failureReport]) rmSync(file, { force: true })
  const status = run(process.execPath, [
    '--enable-source-maps',
    '--test',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(ROOT, 'scripts', 'skip-reporter.mjs')}`,
    `--test-reporter-destination=${skipList}`,
    `--test-reporter=${join(ROOT, 'scripts', 'failure-reporter.mjs')}`,
    `--test-reporter-destination=${failureReport}`,
    ...files,
  ])
  const failures = linesOf(failureReport).map((line) => JSON.parse(line))
  for (const { file, names, said } of failures) {
    process.stdout.write(`\n${file}\n${names.map((name) => `  ✖ ${name}\n`).join('')}${said}\n`)
  }
  return { status, failures, skipped: linesOf(skipList) }
}

/** The failed files once more, if it is only waits that ran out in them, and in few of them. */
function passAgain(failures) {
  const files = failures.map(({ file }) => file)
  if (files.length === 0 || files.length > RUN_AGAIN || !failures.every(({ onlyWaits }) => onlyWaits))
    return false
  say(`only waits ran out: once more, alone: ${files.join(' ')}`)
  const { status } = runFiles(files, 1)
  if (status === 0) say(`PASSED ONLY WHEN RUN AGAIN:\n${files.join('\n')}`)
  return status === 0
}

function linesOf(file) {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean)
}

function judgeSkips(skipped) {
  if (skipped.length === 0) return 0
  say(`skipped here:\n${skipped.join('\n')}`)
  if (!process.env.CI) return 0
  say('in CI a skipped test is a failure')
  return 1
}
