/**
 * The table of commands that the node or the connection answers itself. A new one is one file under commands/
 * and one row here; commands that need the replicated state have their rows in engine/command-table.ts.
 */
import type { LocalCommand } from '../client.ts'
import { acl } from '../commands/acl.ts'
import { auth, hello } from '../commands/authentication.ts'
import { client } from '../commands/client.ts'
import { command } from '../commands/command.ts'
import { config } from '../commands/config.ts'
import { quit, reset, select } from '../commands/connection.ts'
import { readonly, readwrite } from '../commands/consistency.ts'
import { debug } from '../commands/debug.ts'
import { info } from '../commands/info.ts'
import { keys } from '../commands/keys.ts'
import { kvorum } from '../commands/kvorum.ts'
import { latency } from '../commands/latency.ts'
import { lolwut } from '../commands/lolwut.ts'
import { memory } from '../commands/memory.ts'
import { monitor } from '../commands/monitor.ts'
import { echo, ping, time } from '../commands/ping.ts'
import { publish, pubsub, spublish } from '../commands/pubsub.ts'
import { randomkey } from '../commands/random-key.ts'
import { refusals } from '../commands/refusals.ts'
import { scan } from '../commands/scan.ts'
import { lastsave, module, role, shutdown, status } from '../commands/server.ts'
import { slowlog } from '../commands/slowlog.ts'
import { subscriptionCommands } from '../commands/subscribe.ts'
import { discard, exec, multi, unwatch, watch } from '../commands/transaction.ts'
import { wait, waitaof } from '../commands/wait.ts'

export const localCommands: readonly LocalCommand[] = [
  acl,
  auth,
  client,
  command,
  config,
  debug,
  discard,
  echo,
  exec,
  hello,
  info,
  keys,
  kvorum,
  lastsave,
  latency,
  lolwut,
  memory,
  module,
  monitor,
  multi,
  ping,
  publish,
  pubsub,
  quit,
  randomkey,
  readonly,
  readwrite,
  reset,
  role,
  scan,
  select,
  shutdown,
  slowlog,
  spublish,
  status,
  time,
  unwatch,
  wait,
  waitaof,
  watch,
  ...refusals,
  ...subscriptionCommands,
]
