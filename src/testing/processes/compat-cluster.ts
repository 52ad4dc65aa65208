/** Clusters that are started as the users of two earlier HTTP systems start theirs: one port per node. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.ts'
import { TestCluster } from './cluster.ts'
import { NodeProcess } from './node-process.ts'

const SIZE = 3

/** VikDB's command line: single dashes, addresses of replication ports, a path for the write-ahead log. */
export async function vikCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-vik-'))
  const first = await freePorts(2 * SIZE)
  const peers = Array.from({ length: SIZE }, (_, i) => `localhost:${first + SIZE + i}`).join(',')
  const nodes = Array.from({ length: SIZE }, (_, i) => {
    const wal = join(folder, `node${i + 1}`, 'wal')
    const words = ['-addr', `127.0.0.1:${first + i}`, '-node-id', `node${i + 1}`, `-cluster=${peers}`]
    const further = ['-replication-port', `${first + SIZE + i}`, '-wal-path', wal, '-log-format', 'json']
    const storage = [
      '-memtable-max-size',
      '1048576',
      '-sstable-dir',
      join(folder, `node${i + 1}`, 'sstables'),
    ]
    return nodeAt(`node${i + 1}`, first + i, {
      data: `${wal}.kvorum`,
      words: [...words, ...further, ...storage],
    })
  })
  return new TestCluster(nodes, folder, {})
}

/** The Django store's variable: every node is told the URLs of the others, and has no name of its own. */
export async function storeCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-store-'))
  const first = await freePorts(SIZE)
  const urls = Array.from({ length: SIZE }, (_, i) => `http://127.0.0.1:${first + i}/kv-store/v1`)
  const nodes = urls.map((own, i) => {
    const data = join(folder, `node${i + 1}`)
    const others = urls.filter((url) => url !== own).map((url) => ({ url }))
    const words = ['--addr', `127.0.0.1:${first + i}`, '--data', data, '--log-format', 'json']
    return nodeAt(`node${i + 1}`, first + i, { data, words, env: { REPLICA_NODES: JSON.stringify(others) } })
  })
  return new TestCluster(nodes, folder, {})
}

function nodeAt(
  name: string,
  port: number,
  options: { data: string; words: readonly string[]; env?: Record<string, string> },
): NodeProcess {
  const ports = { redisPort: port, httpPort: port, peerPort: 0 }
  return new NodeProcess({ name, host: '127.0.0.1', ...ports, flags: {}, ...options })
}
