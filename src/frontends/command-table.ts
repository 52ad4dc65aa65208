/**
 * The table of commands that the node or the connection answers itself. A new one is one file under commands/
 * and one row here; commands that need the replicated state have their rows in engine/command-table.ts.
 */
import type { LocalCommand } from './client.ts'
import { auth, hello } from './commands/authentication.ts'
import { client } from './commands/client.ts'
import { command } from './commands/command.ts'
import { config } from './commands/config.ts'
import { quit, reset, select } from './commands/connection.ts'
import { info } from './commands/info.ts'
import { keys } from './commands/keys.ts'
import { kvorum } from './commands/kvorum.ts'
import { echo, ping, time } from './commands/ping.ts'
import { refusals } from './commands/refusals.ts'
import { scan } from './commands/scan.ts'
import { acl, lastsave, module, role, shutdown, status } from './commands/server.ts'
import { discard, exec, multi, unwatch, watch } from './commands/transaction.ts'
import { wait } from './commands/wait.ts'

export const localCommands: readonly LocalCommand[] = [
  acl,
  auth,
  client,
  command,
  config,
  discard,
  echo,
  exec,
  hello,
  info,
  keys,
  kvorum,
  lastsave,
  module,
  multi,
  ping,
  quit,
  reset,
  role,
  scan,
  select,
  shutdown,
  status,
  time,
  unwatch,
  wait,
  watch,
  ...refusals,
]
