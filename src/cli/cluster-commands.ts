/** `kvorum cluster ...`: the definitions of its verbs; the work is done in cluster/. */
import { type Command, Option } from 'commander'
import { cleanCluster, killOne, removeEmptyFolder, showStatus, stopCluster } from './cluster/commands.ts'
import { runInForeground } from './cluster/foreground.ts'
import { launchCluster } from './cluster/launch.ts'
import { compatInline, DEFAULT_FOLDER, findNode, type LayoutWishes, requireLayout } from './cluster/layout.ts'
import { withLock } from './cluster/lock.ts'
import { showLogs } from './cluster/logs.ts'
import { PORT_MAX, wholeNumber, withExamples } from './verb.ts'

const NODES_MAX = 9

interface StartOptions extends LayoutWishes {
  readonly data: string
  readonly foreground?: boolean
}

export function addClusterCommands(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('A cluster of several nodes on this machine; its data is kept between starts.')
  withExamples(cluster, [
    'kvorum cluster start                 three nodes on 6379, 6380 and 6381',
    'kvorum cluster status                who runs, who leads',
    'kvorum cluster kill 1                kill -9 the first node and see the others go on',
    'kvorum cluster stop                  stop; the next start finds the data again',
  ])
  addStart(cluster)
  addRestart(cluster)
  verb(cluster, 'stop', 'Stop all nodes; their data is kept.').action(({ data }) =>
    withLock(data, () => stopCluster(data)),
  )
  verb(cluster, 'status', 'One line per node with its live role; exit status 7 without a leader.')
    .option('--json', 'Print JSON.')
    .action(({ data, json }) => showStatus(data, json === true))
  addLogs(cluster)
  verb(cluster, 'kill <node>', 'kill -9 a node: node2, or 2.').action((node, { data }) => killOne(data, node))
  verb(cluster, 'clean', 'Remove the data of a stopped cluster.')
    .option('-y, --yes', 'Do not ask.')
    .action(async ({ data, yes }) => {
      await withLock(data, () => cleanCluster(data, yes === true))
      removeEmptyFolder(data)
    })
}

function verb(cluster: Command, name: string, description: string): Command {
  return cluster
    .command(name)
    .description(description)
    .option('--data <DIR>', 'Folder of the cluster.', DEFAULT_FOLDER)
}

function addStart(cluster: Command): void {
  const start = verb(cluster, 'start', 'Start what is down of the cluster; make it when there is none.')
  withLaunchOptions(start)
    .option('--foreground', 'Stay, and stop the nodes on Ctrl-C; not beside nodes that run already.')
    .action(async (nodeArguments: string[], _options: StartOptions, command: Command) => {
      const options: StartOptions = wishesOf(command)
      const launch = () => withLock(options.data, () => launchCluster(options.data, options, nodeArguments))
      if (options.foreground === true) await runInForeground(options.data, launch)
      else await launch()
    })
  withExamples(start, [
    'kvorum cluster start',
    'kvorum cluster start --nodes 5 --data /tmp/five',
    'kvorum cluster start --redis-port 7001 --http-port 7101 --peer-port 7201',
    'kvorum cluster start --compat s2                 lines of text on 8081 to 8083: echo "SET k v" | nc localhost 8081',
    'kvorum cluster start -- --log-level debug        flags after -- go to every node',
  ])
}

function addRestart(cluster: Command): void {
  const restart = verb(cluster, 'restart', 'Stop all nodes, then start them.')
  withLaunchOptions(restart).action(
    async (nodeArguments: string[], _options: StartOptions, command: Command) => {
      const options: StartOptions = wishesOf(command)
      await withLock(options.data, async () => {
        await stopCluster(options.data)
        await launchCluster(options.data, options, nodeArguments)
      })
    },
  )
}

/** --tls is an option of every command, too, and is found there. */
function wishesOf(command: Command): StartOptions {
  return command.optsWithGlobals()
}

function withLaunchOptions(command: Command): Command {
  const port = (flag: string, what: string) =>
    new Option(`${flag} <PORT>`, `${what} of node1; the next nodes have the next ports.`).argParser(
      wholeNumber(1, PORT_MAX),
    )
  return command
    .argument('[flags...]', 'After --: flags for every node, as of kvorum start.')
    .addOption(
      new Option('--nodes <COUNT>', 'Nodes of a new cluster (default: 3).').argParser(
        wholeNumber(1, NODES_MAX),
      ),
    )
    .addOption(
      new Option(
        '--compat <system>',
        'Serve the clients of an earlier system: s1 KV-Store, s2 simple-kv.',
      ).choices(Object.keys(compatInline)),
    )
    .option('--tls', 'TLS on all ports, with certificates that the cluster makes for itself.')
    .addOption(port('--redis-port', 'Redis port (default: 6379)'))
    .addOption(port('--http-port', 'HTTP port (default: 8081)'))
    .addOption(port('--peer-port', 'Peer port (default: 9091)'))
}

function addLogs(cluster: Command): void {
  const logs = verb(cluster, 'logs [node]', 'The last log lines of one node, or of all in order of time.')
    .option('-f, --follow', 'Go on with what is logged from now on.')
    .addOption(new Option('--lines <COUNT>', 'Lines to begin with.').argParser(wholeNumber(0)).default(50))
    .action(async (wanted, { data, follow, lines }) => {
      const layout = requireLayout(data)
      const nodes = wanted === undefined ? layout.nodes : [findNode(layout, wanted)]
      await showLogs(layout, { nodes, lines, follow: follow === true })
    })
  withExamples(logs, ['kvorum cluster logs', 'kvorum cluster logs 2 --follow'])
}
