/** Sets a replicated setting (settings.ts). Not a change of the keyspace: no revision. */
import { errorReply, OK_REPLY } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'
import { canonicalSetting, isSettingName } from '../settings.ts'

/** name value, in any valid form. */
export function setting(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [name, value] = args.map((arg) => arg.toString('latin1')) as [string, string]
  const canonical = isSettingName(name) ? canonicalSetting(name, value) : null
  if (!isSettingName(name) || canonical === null) return errorReply(`ERR invalid value of setting '${name}'`)
  context.settings.set(name, canonical)
  context.effects.settings()
  return OK_REPLY
}
