/** All scripts that are compared with redis-server one by one. */
import type { ScriptCase } from './script-case.ts'
import { commands, conversions, globals, withArguments } from './script-cases-commands.ts'
import { errors, language, syntax } from './script-cases-language.ts'
import { libraries, redisLibraries } from './script-cases-libraries.ts'

export const scriptCases: readonly ScriptCase[] = [
  ...conversions,
  ...commands,
  ...globals,
  ...errors,
  ...syntax,
  ...language,
  ...libraries,
  ...redisLibraries,
  ...withArguments,
]
