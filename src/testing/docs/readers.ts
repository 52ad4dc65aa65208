/** What readers of the documents have before they begin, and on their other machines: all that a page does not say. */
import type { PageOptions } from './run-page.ts'

/** Three nodes on this machine: what most pages are about. */
export const LOCAL_CLUSTER = 'kvorum cluster start'

/** By page. One without a row says that its commands are for the nodes of `kvorum cluster start`, and has those. */
export const READERS: Readonly<Record<string, PageOptions>> = {
  'README.md': { before: secrets('/run/secrets', 'password', 'cluster'), elsewhere: otherFlags },
  'docs/docker.md': { before: `${LOCAL_CLUSTER} --compat s2; cd deploy/docker` },
  'docs/metrics.md': {
    before: `${LOCAL_CLUSTER} --nodes 1 --http-port 8080
      ${secrets('/etc/prometheus', 'kvorum-password')}`,
  },
  'docs/reference/configuration.md': {
    before: secrets('/etc/kvorum', 'password', 'cluster-secret'),
    elsewhere: otherConfig,
  },
  'docs/security.md': { elsewhere: otherConfig },
  'docs/migrate/primary-secondary.md': {},
  'docs/migrate/simple-kv.md': {},
  'docs/migrate/vikdb.md': { before: oldStore(8080, `kv/bW92ZWQ= -d '{"value":"bXktdmFsdWU="}'`) },
  'docs/migrate/kv-store.md': {
    before: oldStore(8000, `kv-store/v1/kv/moved/ --json '{"value":"1"}'`),
  },
}

function secrets(folder: string, ...files: readonly string[]): string {
  return `mkdir -p ${folder}\n${files.map((file) => `openssl rand -hex 32 > ${folder}/${file}`).join('\n')}`
}

/** The store that one comes from, with one key: another node, which answers as that store did. */
function oldStore(port: number, put: string): string {
  return `echo '10.0.0.2 old' >> /etc/hosts
    settings='KVORUM_INSECURE=true KVORUM_ALLOWED_HOSTS=old KVORUM_HOST=10.0.0.2 KVORUM_DATA=/var/lib/old'
    env $settings KVORUM_HTTP_PORT=${port} kvorum start > /run/old.log 2>&1 &
    until curl -sSf http://old:${port}/readyz; do sleep 0.1; done > /run/curl.log 2>&1
    curl -sSf -L -X PUT http://old:${port}/${put}`
}

/** The same node on the machines at 10.0.0.2 and 10.0.0.3. */
function otherFlags(script: string): string[] {
  return [2, 3].map((n) =>
    script
      .replace('--node-id n1', `--node-id n${n}`)
      .replace('--host 10.0.0.1', `--host 10.0.0.${n}`)
      .replace(/--data \S+/, `$&-n${n}`),
  )
}

/** The same with the settings in a file, and the node's certificates beside it if there are any. */
function otherConfig(script: string): string[] {
  const own = /--config (\S+)/.exec(script)?.[1] ?? ''
  return [2, 3].map((n) => {
    const names = `s/"n1"/"n${n}"/; s/^host = .*/host = "10.0.0.${n}"/`
    const files = `s/^data = "[^"]*/&-n${n}/; s/\\/n1\\./\\/n${n}./`
    return `[ ! -e kvorum-certs ] || cp kvorum-certs/n${n}.* /etc/kvorum/
sed '${names}; ${files}' ${own} > /run/n${n}.toml
${script.replace(own, `/run/n${n}.toml`)}`
  })
}
