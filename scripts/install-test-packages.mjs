/**
 * Installs the Debian packages that some tests use: redis-tools and redis-server (real clients, and the reference of
 * the differential test), iproute2 (network namespaces), chromium (EventSource), prometheus and haproxy (what deploy/
 * configures), and what the documents use: curl, jq, nc, openssl. Does nothing, and says so, where it cannot: those
 * tests then say that they are skipped, and why.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { run, say } from './prepare.mjs'

const WANTED = [
  { package: 'redis-tools', file: '/usr/bin/redis-cli' },
  { package: 'redis-server', file: '/usr/bin/redis-server' },
  { package: 'iproute2', file: '/usr/sbin/ip', alternative: '/sbin/ip' },
  { package: 'chromium', file: '/usr/bin/chromium' },
  { package: 'prometheus', file: '/usr/bin/prometheus' },
  { package: 'haproxy', file: '/usr/sbin/haproxy' },
  { package: 'curl', file: '/usr/bin/curl' },
  { package: 'jq', file: '/usr/bin/jq' },
  { package: 'netcat-openbsd', file: '/usr/bin/nc', alternative: '/bin/nc' },
  { package: 'openssl', file: '/usr/bin/openssl' },
]

const missing = WANTED.filter((row) => !existsSync(row.file) && !existsSync(row.alternative ?? row.file))
if (missing.length > 0) install(missing.map((row) => row.package))

function install(packages) {
  const hasApt = spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0
  if (!hasApt || process.getuid?.() !== 0) {
    say(`cannot install ${packages.join(', ')} (needs root and apt-get): some tests will be skipped`)
    return
  }
  say(`installing Debian packages for tests: ${packages.join(', ')}...`)
  // RUNLEVEL=1 keeps the installations from starting servers.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages]
  if (run('apt-get', args, { env }) === 0) return
  run('apt-get', ['update', '-q'], { env })
  if (run('apt-get', args, { env }) !== 0) say('the installation failed: some tests will be skipped')
}
